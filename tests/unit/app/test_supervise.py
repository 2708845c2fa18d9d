"""Several agents run and end together."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.app.workers.supervise import WorkerProgram, run_all, worker_programs
from streams.errors import NEEDS_A_PERSON, UserError
from tests.support.messages import produces

CHILD = """
import pathlib, signal, sys, time
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
def stop(*_):
    (folder / f"{name}.stopped").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if name == "deaf" else stop)
(folder / name).touch()
if name.startswith("dying"):
    sys.exit(int(name.removeprefix("dying")))
while True:
    time.sleep(0.05)
"""


def programs(folder: Path, *names: str) -> list[WorkerProgram]:
    return [WorkerProgram(name, [sys.executable, "-c", CHILD, str(folder), name]) for name in names]


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


def test_all_are_stopped(tmp_path: Path) -> None:
    when_all_run(tmp_path, "a", "b")
    run_all(programs(tmp_path, "a", "b"))
    assert (tmp_path / "a.stopped").exists()
    assert (tmp_path / "b.stopped").exists()


@produces("the worker … ended by itself (exit code …); the others were stopped")
def test_when_one_ends_the_others_are_stopped(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"worker dying3 ended by itself \(exit code 3\)") as error:
        run_all(programs(tmp_path, "a", "dying3"))
    assert error.value.exit_code == 1


def test_one_that_needs_a_person_is_not_hidden_by_the_others(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        run_all(programs(tmp_path, "a", f"dying{NEEDS_A_PERSON}"))
    assert error.value.exit_code == NEEDS_A_PERSON


@produces("killed for not stopping in time: …")
def test_one_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    when_all_run(tmp_path, "a", "deaf")
    with pytest.raises(UserError, match="killed for not stopping in time: deaf"):
        run_all(programs(tmp_path, "a", "deaf"), stop_within_s=0.5)


def test_each_process_of_an_agent_has_a_number_and_a_name_of_its_own() -> None:
    made = worker_programs(["posts", "graph"], 2, "host-a")
    assert [program.name for program in made] == ["posts 0", "posts 1", "graph 0", "graph 1"]
    assert list(made[1].command[-5:]) == ["posts", "--number", "1", "--instance", "host-a"]
    (alone,) = worker_programs(["posts"], 1, None)
    assert (alone.name, list(alone.command[-3:])) == ("posts", ["posts", "--number", "0"])
