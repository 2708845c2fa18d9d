"""python -m tests.mutants: how many of a sample of cosmic-ray's mutants the tests notice."""

import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from tests.mutants import reach as reaches
from tests.mutants import session as sessions
from tests.mutants.report import equivalents, is_equivalent, scores, table
from tests.mutants.tree import PACKAGES, ROOT, copy_tree, source_files


def main(
    size: Annotated[int, typer.Option(min=1, help="How many mutants to draw.")] = 300,
    seed: Annotated[int | None, typer.Option(help="Draw the same mutants again.")] = None,
    packages: Annotated[
        list[str] | None, typer.Option("--package", help="streams/runtime, jobs, …; all if none.")
    ] = None,
    modules: Annotated[
        int | None, typer.Option(min=1, help="Draw this many modules first, and mutate these only.")
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Do not measure which tests reach what; use reach.json."),
    ] = False,
    spark: Annotated[
        bool, typer.Option("--spark", help="Let tests that need Spark judge, too: for jobs.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--in", help="Keep the session here, or go on with it.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="How many mutants to judge at a time.")] = 2,
    least: Annotated[
        float, typer.Option(min=0, max=1, help="Exit with 1 if fewer mutants are killed.")
    ] = 0.9,
) -> None:
    """Judge a random sample of mutants, and print the score of each package and the survivors.

    Each mutant is judged by the tests that reach its line, quickest files first. Without --spark
    no test needs a server or Spark. The seed is printed.
    """
    drawn = random.SystemRandom().getrandbits(32) if seed is None else seed
    typer.echo(f"seed {drawn}")
    with TemporaryDirectory() as scratch:
        place = folder or Path(scratch)
        place.mkdir(parents=True, exist_ok=True)
        session = place / "session.sqlite"
        if not session.exists():
            files = source_files(packages or PACKAGES)
            if modules is not None:
                files = _drawn_modules(files, modules, drawn)
            _prepare(
                place, files, size=size, seed=drawn, quick=quick, spark=spark, processes=processes
            )
        sessions.run(session, place / "pristine", processes=processes)
        killed = _report(session)
    sys.exit(int(killed < least))


def _prepare(
    place: Path,
    files: list[str],
    *,
    size: int,
    seed: int,
    quick: bool,
    spark: bool,
    processes: int,
) -> None:
    """Copy the tree, find out which tests reach what, and draw mutants of the files."""
    tree, _ = copy_tree(place / "tree"), copy_tree(place / "pristine")
    if quick:
        reach = reaches.stored()
    else:
        marks = [reaches.QUICK, reaches.SPARK] if spark else [reaches.QUICK]
        reach = reaches.measure(copy_tree(place / "measured"), marks, together=processes)
        if not spark:
            reaches.store(reach)
    reach.save(place / "reach")
    session = sessions.make(
        place, files=files, mark="not stack or valkey" if spark else reaches.QUICK
    )
    count = sessions.draw(session, tree, size=size, seed=seed)
    typer.echo(f"{min(size, count)} of {count} places in {len(files)} files")


def _drawn_modules(files: list[str], count: int, seed: int) -> list[str]:
    """Draw modules, each as often as it is long: finding every mutant of all takes a minute."""
    lines = {file: (ROOT / file).read_text(encoding="utf-8").count("\n") for file in files}
    chance = random.Random(seed)
    order = sorted(files, key=lambda file: chance.random() ** (1 / max(1, lines[file])))
    return order[-count:]


def _report(session: Path) -> float:
    """Print the survivors and the scores, and return the score of all."""
    known = equivalents()
    mutants = list(sessions.judged(session))
    for mutant in mutants:
        if mutant.verdict in ("survived", "unjudged") and not is_equivalent(mutant, known):
            before, after = mutant.lines
            typer.echo(f"\n{mutant.verdict}: {mutant.file}:{mutant.line} {mutant.operator}")
            typer.echo(f"- {before}\n+ {after}")
    found = scores(mutants, known)
    typer.echo(f"\n{table(found)}")
    return found["all"].share if found else 1.0


if __name__ == "__main__":
    typer.run(main)
