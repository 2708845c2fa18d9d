"""The exec wrapper: its lock lives exactly as long as the program does."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from streams.stack import hold, launching, orphans

READY = "import time; print('ready', flush=True); time.sleep(60)"
Start = Callable[..., subprocess.Popen[bytes]]


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a program through the wrapper; ends what still runs."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(code: str = READY, **changes: Any) -> subprocess.Popen[bytes]:
        launch = {
            "cwd": str(tmp_path),
            "lock": str(tmp_path / "lock"),
            "command": [sys.executable, "-I", "-S", "-c", code],
            "env": {"ONLY": "this"},
            "output": str(tmp_path / "out.log"),
            "empty": [],
            "first": None,
        }
        file = tmp_path / f"launch-{len(running)}.json"
        file.write_text(json.dumps(launch | changes))
        child = subprocess.Popen([*launching.wrapper(), str(file)], stdin=subprocess.PIPE)
        running.append(child)
        return child

    yield begin
    for child in running:
        child.kill()
        child.wait()


def output(folder: Path) -> str:
    path = folder / "out.log"
    return path.read_text() if path.exists() else ""


def test_the_lock_is_held_by_the_program_itself(start: Start, tmp_path: Path) -> None:
    child = start()
    wait_for(lambda: "ready" in output(tmp_path))
    (holder,) = orphans.holders(tmp_path / "lock")
    assert holder.pid == child.pid
    assert READY in holder.cmdline()
    child.kill()
    child.wait()
    assert not orphans.locked(tmp_path / "lock")


def test_a_second_start_is_refused_while_the_first_lives(start: Start, tmp_path: Path) -> None:
    first = start()
    wait_for(lambda: "ready" in output(tmp_path))
    assert start().wait(10) == hold.LOCKED
    assert f"locked by process {first.pid}" in output(tmp_path)
    assert first.poll() is None
    assert (tmp_path / "lock").read_text().strip() == str(first.pid)


def test_the_environment_is_exactly_the_given_one(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xmx1m")
    start("import os; print(dict(os.environ))").wait(10)
    found = output(tmp_path)
    assert "'ONLY': 'this'" in found
    assert "JAVA_TOOL_OPTIONS" not in found


def test_input_is_empty_and_output_outlives_the_starter(start: Start, tmp_path: Path) -> None:
    start("import sys; print(repr(sys.stdin.read())); print('bad', file=sys.stderr)").wait(10)
    assert output(tmp_path) == "''\nbad\n" or output(tmp_path) == "bad\n''\n"


def test_temporary_files_of_an_earlier_run_are_removed(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    (folder / "liblz4.so").write_bytes(b"left by a kill")
    start("pass", empty=[str(folder)]).wait(10)
    assert folder.is_dir()
    assert not list(folder.iterdir())


def test_a_long_output_is_set_aside(start: Start, tmp_path: Path) -> None:
    (tmp_path / "out.log").write_bytes(b"x" * (2 << 20))
    start("print('new')").wait(10)
    assert output(tmp_path) == "new\n"
    assert (tmp_path / "out.log.1").stat().st_size == 2 << 20


def first_step(folder: Path, code: str) -> dict[str, Any]:
    return {
        "command": [sys.executable, "-I", "-S", "-c", code],
        "data": str(folder / "data"),
        "done": str(folder / "data" / "made"),
    }


def test_data_is_made_once(start: Start, tmp_path: Path) -> None:
    first = first_step(tmp_path, "open('data/made', 'w').close(); print('made')")
    assert start("print('one')", first=first).wait(10) == 0
    assert start("print('two')", first=first).wait(10) == 0
    assert output(tmp_path).split() == ["made", "one", "two"]


def test_data_left_unfinished_is_made_anew(start: Start, tmp_path: Path) -> None:
    slow = "open('data/made', 'w').close(); open('data/half', 'w').close(); import time"
    child = start("pass", first=first_step(tmp_path, slow + "; time.sleep(60)"))
    wait_for((tmp_path / "data" / "half").exists)
    assert orphans.locked(tmp_path / "lock")
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 128 + signal.SIGTERM
    assert not orphans.locked(tmp_path / "lock"), "the step must end with the wrapper"
    assert start("pass", first=first_step(tmp_path, "open('data/made', 'w')")).wait(10) == 0
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["made"]


def test_the_step_keeps_the_lock_when_the_wrapper_is_killed(start: Start, tmp_path: Path) -> None:
    code = "open('data/half', 'w').close(); import time; time.sleep(60)"
    child = start("pass", first=first_step(tmp_path, code))
    wait_for((tmp_path / "data" / "half").exists)
    child.kill()
    child.wait()
    (holder,) = orphans.holders(tmp_path / "lock")
    assert orphans.stop((tmp_path / "lock",), 5) == 1
    assert not orphans.locked(tmp_path / "lock")
    # An orphan is reaped by the machine's first process, in its own time.
    wait_for(lambda: not holder.is_running() or holder.status() == psutil.STATUS_ZOMBIE)


def test_a_step_that_fails_ends_the_start(start: Start, tmp_path: Path) -> None:
    assert start("print('never')", first=first_step(tmp_path, "raise SystemExit(3)")).wait(10) == 1
    assert "ended with status 3" in output(tmp_path)
    assert "never" not in output(tmp_path)


def test_data_that_nobody_marked_is_left_alone(start: Start, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "precious").write_text("records")
    assert start("pass", first=first_step(tmp_path, "pass")).wait(10) == 1
    assert (tmp_path / "data" / "precious").read_text() == "records"
    assert "left alone" in output(tmp_path)


def test_a_process_is_only_stopped_if_it_holds_the_lock(start: Start, tmp_path: Path) -> None:
    """A process id written long ago may belong to somebody else by now."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (tmp_path / "lock").write_text(f"{other.pid}\n")
        assert orphans.stop((tmp_path / "lock",), 1) == 0
        child = start()
        wait_for(lambda: "ready" in output(tmp_path))
        (tmp_path / "lock").write_text(f"{other.pid}\n")
        assert [holder.pid for holder in orphans.holders(tmp_path / "lock")] == [child.pid]
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
