"""Scores of judged mutants, and the mutants that no test could notice."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.mutants.session import Judged

EQUIVALENT: Final = Path(__file__).with_name("equivalent.toml")


class Equivalent(NamedTuple):
    """A mutant that changes no behaviour that anyone could see, and why."""

    file: str
    line: str
    """The line as it is, without indentation."""
    mutant: str
    """The line as the mutant has it; `*` for any mutant of the line."""
    reason: str


class Score(NamedTuple):
    """What became of the mutants of one package, or of all."""

    killed: int = 0
    """Those that ran into a time limit included."""
    survived: int = 0
    equivalent: int = 0
    unreached: int = 0
    """Only tests on real servers, or none, run their lines."""
    timeout: int = 0
    """How many of the killed ran into a time limit."""
    unjudged: int = 0

    @property
    def share(self) -> float:
        """Return the killed among those that are no equivalents and could be reached, 1 for none.

        A mutant that could not be judged counts as one that survived.
        """
        return self.killed / self.reached if self.reached else 1.0

    @property
    def reached(self) -> int:
        return self.killed + self.survived + self.unjudged


def equivalents(path: Path = EQUIVALENT) -> list[Equivalent]:
    """Return the list of equivalent mutants."""
    with path.open("rb") as stream:
        return [Equivalent(**one) for one in tomllib.load(stream)["equivalent"]]


def is_equivalent(mutant: Judged, known: Iterable[Equivalent]) -> bool:
    """Return whether the list names the mutant."""
    before, after = mutant.lines
    return any(
        (one.file, one.line) == (mutant.file, before) and one.mutant in ("*", after)
        for one in known
    )


def scores(mutants: Iterable[Judged], known: Sequence[Equivalent]) -> Mapping[str, Score]:
    """Return package -> score, `all` last."""
    found: dict[str, Counter[str]] = {}
    for mutant in mutants:
        verdict = mutant.verdict
        if verdict == "survived" and is_equivalent(mutant, known):
            verdict = "equivalent"
        for name in (mutant.package, "all"):
            counts = found.setdefault(name, Counter())
            counts[verdict] += 1
            counts["killed"] += verdict == "timeout"
    ordered = sorted(found, key=lambda name: (name == "all", name))
    return {name: Score(**found[name]) for name in ordered}


def table(found: Mapping[str, Score]) -> str:
    """Return the scores as a table in Markdown, as docs/testing.md shows it."""
    lines = ["| package | killed | of | score | equivalent | unreached |", "|---|" + "---:|" * 5]
    for name, score in found.items():
        row = (score.killed, score.reached, f"{score.share:.0%}", score.equivalent, score.unreached)
        lines.append("| " + " | ".join(map(str, (name, *row))) + " |")
    return "\n".join(lines)
