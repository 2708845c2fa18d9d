"""Copies of the source tree in which mutants are made, so that the working tree stays as it is."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = (
    "streams/accounts",
    "streams/agents",
    "streams/app",
    "streams/caching",
    "streams/contracts",
    "streams/dlq",
    "streams/lakehouse",
    "streams/projections",
    "streams/runtime",
    "streams/serving",
    "streams/sinks",
    "streams/verification",
    "streams/views",
    "jobs",
)
"""The packages whose mutants count."""


def package_of(file: str) -> str:
    """Return the package that a source file belongs to. Raises ValueError if it is none of them."""
    for package in PACKAGES:
        if file.startswith(f"{package}/"):
            return package.removeprefix("streams/")
    raise ValueError(f"{file} is in no package whose mutants count")


def source_files(packages: Sequence[str]) -> list[str]:
    """Return the Python files of packages, as paths in the tree."""
    return [
        str(path.relative_to(ROOT))
        for package in packages
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.stat().st_size
    ]


def copy_tree(folder: Path) -> Path:
    """Copy every file that git tracks or would track to `folder`, and return the folder.

    The copy is a git repository, because some tests ask git for files, and its sources are
    compiled: while mutants are judged no bytecode is written, as mutations of one file may follow
    each other within the second that its time stamp resolves.
    """
    listed = _run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", at=ROOT)
    for name in listed.split("\0"):
        if (ROOT / name).is_file():  # not if it is deleted, but still in the index
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    _run("git", "init", "-q", at=folder)
    _run(sys.executable, "-m", "compileall", "-q", "streams", "jobs", "tests", at=folder)
    return folder


def _run(*command: str, at: Path) -> str:
    return subprocess.run(command, cwd=at, capture_output=True, text=True, check=True).stdout


def environment(tree: Path, **more: str) -> dict[str, str]:
    """Return the variables under which tests run in a copy, with the same draws every time."""
    return {
        **os.environ,
        "PYTHONPATH": str(tree),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_PROFILE": "mutants",
        "SIMULATION_SCHEDULES": "200",
        **more,
    }


def pytest_command(*arguments: str) -> Sequence[str]:
    """Return the command of a test run that leaves nothing behind."""
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
