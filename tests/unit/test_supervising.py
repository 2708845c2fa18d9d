"""Several agents run and end together."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.app.supervising import run_agents
from streams.errors import UserError

CHILD = """
import pathlib, signal, sys, time
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
def stop(*_):
    (folder / f"{name}.stopped").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if name == "deaf" else stop)
(folder / name).touch()
if name == "dying":
    sys.exit(3)
while True:
    time.sleep(0.05)
"""


def command(folder: Path) -> list[str]:
    return [sys.executable, "-c", CHILD, str(folder)]


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def when_all_run(folder: Path, *names: str) -> None:
    """Send this process SIGTERM once every child has told that it runs."""

    def wait() -> None:
        deadline = time.monotonic() + 30
        while not all((folder / name).exists() for name in names):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait).start()


def test_all_are_told_to_stop(tmp_path: Path) -> None:
    when_all_run(tmp_path, "a", "b")
    run_agents(["a", "b"], command(tmp_path))
    assert (tmp_path / "a.stopped").exists()
    assert (tmp_path / "b.stopped").exists()


def test_when_one_ends_the_others_are_stopped(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"worker dying ended by itself \(exit code 3\)"):
        run_agents(["a", "dying"], command(tmp_path))


def test_one_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    when_all_run(tmp_path, "a", "deaf")
    with pytest.raises(UserError, match="killed for not stopping in time: deaf"):
        run_agents(["a", "deaf"], command(tmp_path), stop_within_s=0.5)
