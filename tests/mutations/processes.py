"""Putting a seeded bug into a copy of the tree, and asking the tests."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.mutations.mutation import ROOT, Mutation

_COPIED = ("streams", "jobs", "tests", "avro", "docs", "examples", "pyproject.toml")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_CHAINED = re.compile(r"^(?:The above exception was|During handling of the above)", re.MULTILINE)
_REASON = re.compile(r"^E +(\S.*)$", re.MULTILINE)
_LIMIT_S = 900.0
_SOUND_LIMIT_S = 3600.0
"""Limit of the run without any bug, which runs the tests of all of them."""
_TESTS_FAILED = (1, 2)
"""Exit codes of pytest: tests failed, or could not be collected. With others something is wrong."""


class Verdict(NamedTuple):
    """What the tests said of a mutation; `killed_by` is None where it survived."""

    mutation: Mutation
    killed_by: str | None
    seconds: float
    reason: str = ""
    """The first line of the failure, which shows whether the bug or something else caused it."""


class UnsoundError(Exception):
    """The tests do not pass without any mutation, or could not be run: no verdict means a thing."""


def judge(mutations: Sequence[Mutation], *, together: int) -> Iterator[Verdict]:
    """Yield the verdicts as they come, `together` at a time.

    Raises:
        UnsoundError: the tests of a mutation could not be run; raised after all other verdicts.
        ValueError: the text of a mutation is not in the sources; also raised last.
    """
    problems: list[UnsoundError | ValueError] = []
    with ThreadPoolExecutor(together) as pool:
        for verdict in as_completed([pool.submit(_judge, mutation) for mutation in mutations]):
            try:
                yield verdict.result()
            except (UnsoundError, ValueError) as problem:
                problems.append(problem)
    if problems:
        raise problems[0]


def check_sound(mutations: Sequence[Mutation]) -> None:
    """Raises UnsoundError where the tests fail although nothing was changed."""
    tests = tuple(dict.fromkeys(test for mutation in mutations for test in mutation.tests))
    with TemporaryDirectory() as folder:
        stack = any(mutation.stack for mutation in mutations)
        failed, output = _ask(_copied(Path(folder)), tests, stack, _SOUND_LIMIT_S)
    if failed is not None:
        raise UnsoundError(f"without any mutation {failed} fails\n{output}")


def _judge(mutation: Mutation) -> Verdict:
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        root = _copied(Path(folder))
        mutation.apply(root)
        failed, output = _ask(root, mutation.tests, mutation.stack)
    reason = _REASON.search(_CHAINED.split(output)[-1]) if failed else None
    return Verdict(mutation, failed, time.monotonic() - began, reason[1] if reason else "")


def _copied(folder: Path) -> Path:
    for name in _COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(
                source,
                target,
                ignore=shutil.ignore_patterns("__pycache__", "node_modules", "target"),
            )
        else:
            shutil.copy(source, target)
    return folder


def _ask(
    root: Path, tests: Sequence[str], stack: bool, limit_s: float = _LIMIT_S
) -> tuple[str | None, str]:
    """The first test that fails, None if none does; and what pytest printed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    process = subprocess.Popen(
        command if stack else [*command, "-m", "not stack and not spark"],
        cwd=root,
        env=os.environ
        | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(root)}
        | {"HYPOTHESIS_PROFILE": "unshrunk"},  # that it fails is enough
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return f"no end within {limit_s:.0f} s", ""
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    if process.returncode == 0:
        return None, output
    found = _FAILED.search(output)
    if process.returncode not in _TESTS_FAILED or found is None:
        raise UnsoundError(f"pytest ended with {process.returncode}\n{output}")
    return found[1], output
