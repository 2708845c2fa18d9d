"""Which tests reach which line, and how long they take: coverage with a context per test."""

import ast
import json
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from xml.etree import ElementTree

from coverage import CoverageData

from tests.mutants.tree import PACKAGES, ROOT, environment, pytest_command

QUICK: Final = "not spark and (not stack or valkey)"
"""Tests without servers, and those on a Valkey of their own, which starts at once."""
SPARK: Final = "spark and not stack"
WITH_SPARK: Final = "not stack or valkey"
"""`QUICK`, and `SPARK`."""
STORED: Final = Path(__file__).with_name("reach.json")
_TESTS: Final = "tests.json"
_WHOLE: Final = 0
"""Stands for every line of a file where lines are not known."""


class Reach(NamedTuple):
    """What a run of all tests has shown."""

    lines: Mapping[str, Mapping[int, Sequence[int]]]
    """File -> line -> indices of the tests that run it; none for lines that imports run."""
    tests: Sequence[str]
    """Ids of tests, as pytest takes them."""
    seconds: Sequence[float]
    """For each test."""

    def of(self, file: str, lines: Collection[int], source: str) -> list[int]:
        """Return the tests that may notice a change of the lines of a file.

        They are the tests that reach one of the lines, or else one of the statements around them.
        Constants and signatures run while a module is imported: whatever uses the module may
        depend on them, so that the tests of the whole file are returned. No test is returned for
        a statement in a function that none reaches.
        """
        known = self.lines.get(file, {})
        found = {test for line in lines for test in known.get(line, ())}
        around = [_statement_in_function(source, line) for line in lines]
        if not found:
            found = {test for part in around for line in part for test in known.get(line, ())}
        if not found and (_WHOLE in known or not all(around)):
            return self.of_file(file)
        return sorted(found)

    def of_file(self, file: str) -> list[int]:
        """Return the tests that reach any line of a file."""
        return sorted({test for tests in self.lines.get(file, {}).values() for test in tests})

    def save(self, folder: Path) -> None:
        """Write a file for each source file: all of them are large."""
        folder.mkdir(parents=True, exist_ok=True)
        tests = {"tests": self.tests, "seconds": self.seconds}
        (folder / _TESTS).write_text(json.dumps(tests), encoding="utf-8")
        for file, known in self.lines.items():
            (folder / _stored(file)).write_text(json.dumps(known), encoding="utf-8")

    def by_files(self) -> "Reach":
        """Return what test files, instead of tests, reach of source files, instead of lines."""
        files = sorted({test.partition("::")[0] for test in self.tests})
        number = {file: index for index, file in enumerate(files)}
        at = [number[test.partition("::")[0]] for test in self.tests]
        seconds = [0.0] * len(files)
        for index, took in zip(at, self.seconds, strict=True):
            seconds[index] += took
        lines = {
            file: {_WHOLE: sorted({at[test] for tests in known.values() for test in tests})}
            for file, known in sorted(self.lines.items())
        }
        return Reach(lines, files, [round(took, 1) for took in seconds])


def store(reach: Reach) -> None:
    """Keep which test files reach which source files, for samples that do not measure it."""
    kept_files = reach.by_files()
    kept = {
        "tests": dict(zip(kept_files.tests, kept_files.seconds, strict=True)),
        "files": {file: known[_WHOLE] for file, known in kept_files.lines.items()},
    }
    STORED.write_text(json.dumps(kept, separators=(",", ":")).replace('],"', '],\n"') + "\n")


def stored() -> Reach:
    """Return what `store` has kept, without test files that are gone."""
    kept = json.loads(STORED.read_text(encoding="utf-8"))
    tests = list(kept["tests"])
    there = {number for number, test in enumerate(tests) if (ROOT / test).exists()}
    lines = {file: {_WHOLE: sorted(there & set(known))} for file, known in kept["files"].items()}
    return Reach(lines, tests, list(kept["tests"].values()))


def load(folder: Path, file: str) -> Reach:
    """Return what `Reach.save` has written about one source file."""
    tests = json.loads((folder / _TESTS).read_text(encoding="utf-8"))
    path = folder / _stored(file)
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    lines = {int(line): found for line, found in known.items()}
    return Reach({file: lines}, tests["tests"], tests["seconds"])


def _stored(file: str) -> str:
    return f"{file.replace('/', '.')}.json"


def measure(tree: Path, marks: Sequence[str], together: int) -> Reach:
    """Run the tests of each mark expression in a copy of the tree, and return what they reach.

    Raises RuntimeError if a run fails: nothing can be said of mutants that fail without mutation.
    """
    data, times = tree / ".reach", tree / ".times"
    sources = [f"--cov={package.replace('/', '.')}" for package in PACKAGES]
    for number, mark in enumerate(marks):
        arguments = ["-m", mark, f"-n{together}", *sources, "--cov-context=test", "--cov-report="]
        ended = subprocess.run(
            pytest_command(*arguments, f"--junitxml={times}.{number}", "tests"),
            cwd=tree,
            env=environment(tree, COVERAGE_FILE=f"{data}.{number}"),
            check=False,
        )
        if ended.returncode:
            raise RuntimeError(f"the tests marked {mark!r} fail without any mutation")
    numbers = range(len(marks))
    return gathered(
        tree,
        [tree / f".reach.{number}" for number in numbers],
        [tree / f".times.{number}" for number in numbers],
    )


def gathered(tree: Path, data: Sequence[Path], times: Sequence[Path]) -> Reach:
    """Return what files of coverage and of JUnit times, made in `tree`, hold together."""
    seconds = {name: took for path in times for name, took in _seconds(path)}
    index: dict[str, int] = {}
    lines: dict[str, dict[int, set[int]]] = {}
    for path in data:
        coverage = CoverageData(str(path))
        coverage.read()
        for file in coverage.measured_files():
            known = lines.setdefault(str(Path(file).relative_to(tree)), {})
            for line, contexts in coverage.contexts_by_lineno(file).items():
                tests = {context.rpartition("|")[0] for context in contexts} - {""}
                numbers = {index.setdefault(test, len(index)) for test in tests}
                known.setdefault(line, set()).update(numbers)
    found = {
        file: {line: sorted(tests) for line, tests in known.items() if tests}
        for file, known in lines.items()
    }
    return Reach(found, list(index), [seconds.get(_plain(test), 1.0) for test in index])


def _seconds(path: Path) -> Iterable[tuple[str, float]]:
    """(test, seconds) of a JUnit file."""
    for case in ElementTree.parse(path).iter("testcase"):  # noqa: S314 - written by this run
        yield f"{case.get('classname')}.{case.get('name')}", float(case.get("time", "0"))


def _statement_in_function(source: str, line: int) -> range:
    """Return the lines of the innermost statement around a line, empty outside functions."""
    around = [
        range(inner.lineno, (inner.end_lineno or inner.lineno) + 1)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in node.body
        for inner in ast.walk(statement)
        if isinstance(inner, ast.stmt) and inner.lineno <= line <= (inner.end_lineno or 0)
    ]
    return min(around, key=len, default=range(0))


def _plain(test: str) -> str:
    """The name that JUnit files give to a test id."""
    file, _, name = test.partition("::")
    return ".".join((file.removesuffix(".py").replace("/", "."), *name.split("::")))
