"""python -m tests.mutants.judge PRISTINE REACH MARK: what cosmic-ray runs for a mutant.

It runs in the copy that holds the mutant, compares it with a pristine copy, and runs the tests that
reach the changed lines, quickest files first, and then others that reach the file. It ends with 1
if a test notices the mutant and with 0 if none does, and prints why.
"""

import difflib
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.mutants.reach import Reach, load
from tests.mutants.tree import PACKAGES, environment, pytest_command

BUDGET_S: Final = 60.0
"""Tests are left out beyond this many seconds, as measured, slowest files first."""
OTHERS_S: Final = 20.0
"""The same for tests that reach the file only: what a cached function answers shows there, too."""
LONGEST_TEST_S: Final = 60
_NOTICED: Final = (1, 2, 3)
"""Exit codes of pytest: a test failed, tests could not be collected, or pytest itself failed."""
_PASSED: Final = (0, 5)
"""All passed, or none has the mark."""
_NOT_IMPORTED: Final = ("while loading conftest", "ERROR collecting")
UNJUDGED: Final = "not judged"
UNREACHED: Final = "no test reaches"


def main(pristine: str, reach: str, mark: str) -> int:
    file, lines = changed(Path(pristine), Path.cwd())
    known = load(Path(reach), file)
    source = (Path(pristine) / file).read_text(encoding="utf-8")
    reached = known.of(file, lines, source)
    others = sorted(set(known.of_file(file)) - set(reached))
    tests = chosen(known, reached) + chosen(known, others, OTHERS_S)
    if not reached:
        print(f"{UNREACHED} {file}:{min(lines)}")
        return 0
    listed = Path(f".tests-{time.time_ns()}")
    listed.write_text("\n".join(tests), encoding="utf-8")
    ended = subprocess.run(
        pytest_command(
            *("-x", "--tb=line", "-m", mark, "-o", f"timeout={LONGEST_TEST_S}", f"@{listed}")
        ),
        env=environment(Path.cwd()),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    listed.unlink()
    print(ended.stdout)
    if ended.returncode in _PASSED:
        print(f"none of {len(tests)} tests notices it")
        return 0
    failed_import = any(words in ended.stdout for words in _NOT_IMPORTED)
    if ended.returncode in _NOTICED or ended.returncode < 0 or failed_import:
        return 1
    print(f"{UNJUDGED}: pytest ended with {ended.returncode}")
    return 0


def changed(pristine: Path, tree: Path) -> tuple[str, list[int]]:
    """Return the file that differs, and the lines of the pristine one. Raises LookupError."""
    for package in PACKAGES:
        for path in sorted((pristine / package).rglob("*.py")):
            file = str(path.relative_to(pristine))
            before, after = path.read_text("utf-8"), (tree / file).read_text("utf-8")
            if before != after:
                return file, _changed_lines(before.splitlines(), after.splitlines())
    raise LookupError("no mutant here: the copies do not differ")


def _changed_lines(before: Sequence[str], after: Sequence[str]) -> list[int]:
    blocks = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return [
        line
        for what, begin, end, _, _ in blocks
        if what != "equal"
        for line in range(begin + 1, max(end, begin + 1) + 1)
    ]


def chosen(reach: Reach, tests: Sequence[int], budget_s: float = BUDGET_S) -> list[str]:
    """Return the ids of the tests, those of the quickest files first, within the budget."""
    files: dict[str, list[int]] = {}
    for test in tests:
        files.setdefault(reach.tests[test].partition("::")[0], []).append(test)
    took = {file: sum(reach.seconds[test] for test in ids) for file, ids in files.items()}
    found: list[str] = []
    left = budget_s
    for file in sorted(files, key=lambda file: took[file]):
        for test in sorted(files[file], key=lambda test: reach.seconds[test]):
            left -= reach.seconds[test]
            if left < 0 and found:
                return found
            found.append(reach.tests[test])
    return found


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except Exception as error:  # noqa: BLE001 - its exit code would say that a test notices
        print(f"{UNJUDGED}: {error!r}")
