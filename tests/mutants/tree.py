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
    "streams/contracts",
    "streams/lakehouse",
    "streams/projections",
    "streams/runtime",
    "streams/serving",
    "streams/sinks",
    "jobs",
)
"""The packages whose mutants count."""

_COPIED: Final = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "avro",
    "bench",
    "deploy",
    "docker-compose.yml",
    "docs",
    "jobs",
    "pyproject.toml",
    "streams",
    "tests",
)


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
    """Copy sources and tests to `folder`, compiled, and return the folder.

    While mutants are judged no bytecode is written: mutations of one file may follow each other
    within the second that its time stamp resolves.
    """
    for name in _COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "streams", "jobs", "tests"],
        cwd=folder,
        check=True,
    )
    return folder


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
