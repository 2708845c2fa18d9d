"""The exec wrapper: its lock lives exactly as long as the program does."""

import json
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from streams.stack.supervision import exec_under_lock, launch_files, orphans

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
            "inside": None,
            "pid_file": None,
            "user": None,
            "timer_slack_ns": None,
        }
        file = tmp_path / f"launch-{len(running)}.json"
        file.write_text(json.dumps(launch | changes))
        child = subprocess.Popen(
            [*launch_files.wrapper(), str(file)],
            stdin=subprocess.PIPE,
            extra_groups=[0] if os.geteuid() == 0 else None,  # as of a login
        )
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
    assert start().wait(10) == exec_under_lock.LOCKED
    assert f"locked by process {first.pid}" in output(tmp_path)
    assert first.poll() is None
    assert (tmp_path / "lock").read_text().strip() == str(first.pid)


FORKS = """
import os, sys, time
if os.fork() == 0:
    print('ready', flush=True)
    deadline = time.monotonic() + 30
    while not os.path.exists('leave') and time.monotonic() < deadline:
        time.sleep(0.01)
    os._exit(0)
time.sleep(60)
"""


def test_children_of_a_killed_server_are_waited_for(start: Start, tmp_path: Path) -> None:
    first = start(FORKS)
    wait_for(lambda: "ready" in output(tmp_path))
    first.kill()
    second = start("print('second')")
    # Nobody waits for the first, so it is a zombie while its child holds the lock.
    wait_for(lambda: psutil.Process(first.pid).status() == psutil.STATUS_ZOMBIE)
    lock = str(tmp_path / "lock")
    wait_for(lambda: lock in [file.path for file in psutil.Process(second.pid).open_files()])
    assert second.poll() is None
    (tmp_path / "leave").touch()
    assert second.wait(10) == 0
    assert "second" in output(tmp_path)


PRINTS_TIMER_SLACK = """
import ctypes, threading
PR_GET_TIMERSLACK = 30
def show():
    print('slack', ctypes.CDLL(None).prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0))
threading.Thread(target=show).start()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="timer slack is a setting of Linux")
@pytest.mark.parametrize(("wanted", "shown"), [(200_000, "200000"), (None, "50000")])
def test_threads_of_the_program_have_the_timer_slack_of_the_launch_file(
    start: Start, tmp_path: Path, wanted: int | None, shown: str
) -> None:
    assert start(PRINTS_TIMER_SLACK, timer_slack_ns=wanted).wait(10) == 0, output(tmp_path)
    assert f"slack {shown}\n" in output(tmp_path)


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


def test_a_program_may_run_inside_another_directory(start: Start, tmp_path: Path) -> None:
    inside = tmp_path / "data"
    inside.mkdir()
    first = first_step(tmp_path, "import os; open('made', 'w').close(); print(os.getcwd())")
    start("import os; print(os.getcwd())", first=first, inside=str(inside)).wait(10)
    assert output(tmp_path).split() == [str(inside)] * 2


WHO = "grep -E '^(Uid|Gid|Groups|CapEff|CapPrm)' /proc/self/status"
NOBODY = pwd.getpwnam("nobody")
IS_NOBODY = ["Uid:", *[str(NOBODY.pw_uid)] * 4, "Gid:", *[str(NOBODY.pw_gid)] * 4, "Groups:"]
HAS_NO_RIGHTS = ["CapPrm:", "0" * 16, "CapEff:", "0" * 16]


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-e", "-c", script]


@pytest.fixture
def nobodys(tmp_path: Path) -> dict[str, Any]:
    """What a launch for `nobody` says, in a directory that he cannot reach by its path."""
    if os.geteuid() != 0:
        pytest.skip("only root can give up its rights")
    assert tmp_path.parent.stat().st_mode & 0o777 == 0o700
    tmp_path.chmod(0o700)
    (tmp_path / "data").mkdir()
    (tmp_path / "log").mkdir()
    owns = [str(tmp_path / "data"), str(tmp_path / "log")]
    return {
        "user": {"uid": NOBODY.pw_uid, "gid": NOBODY.pw_gid, "owns": owns},
        "inside": str(tmp_path / "data"),
    }


def test_root_becomes_nobody_for_good(start: Start, nobodys: dict[str, Any]) -> None:
    folder = Path(nobodys["inside"]).parent
    assert start(command=shell(WHO), env={"PATH": os.defpath}, **nobodys).wait(10) == 0
    assert output(folder).split() == IS_NOBODY + HAS_NO_RIGHTS


def test_nobody_makes_and_owns_his_data_below_directories_closed_to_him(
    start: Start, nobodys: dict[str, Any]
) -> None:
    folder = Path(nobodys["inside"]).parent
    first = first_step(folder, "") | {"command": shell(f"{WHO}; : > made; : > ../log/told")}
    command = shell(": > /proc/self/cwd/more")
    started = start(command=command, env={"PATH": os.defpath}, first=first, **nobodys)
    assert started.wait(10) == 0, output(folder)
    assert output(folder).split() == IS_NOBODY + HAS_NO_RIGHTS
    made = [folder / "data" / "made", folder / "data" / "more", folder / "log" / "told"]
    assert {path.stat().st_uid for path in made} == {NOBODY.pw_uid}
    assert folder.parent.stat().st_mode & 0o777 == 0o700, "what is above stays as it was"


def test_what_another_left_is_handed_over(start: Start, nobodys: dict[str, Any]) -> None:
    data = Path(nobodys["inside"])
    (data / "base").mkdir()
    (data / "base" / "1").touch()
    (data / "elsewhere").symlink_to("/etc/hostname")
    before = Path("/etc/hostname").stat().st_uid
    assert start(command=["/usr/bin/env"], **nobodys).wait(10) == 0
    assert (data / "base" / "1").stat().st_uid == NOBODY.pw_uid
    assert Path("/etc/hostname").stat().st_uid == before


Named = Callable[[Path], int | str]


def zombie(_folder: Path) -> int:
    """A child that ended and is not waited for."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    wait_for(lambda: psutil.Process(child).status() == psutil.STATUS_ZOMBIE)
    return child


@pytest.mark.parametrize(
    "named",
    [lambda _folder: os.getpid(), lambda _folder: 2**22 + 1, lambda _folder: "", zombie],
    ids=["another's", "nobody's", "cut short", "a zombie's"],
)
def test_a_pid_file_that_names_no_living_server_is_removed(
    start: Start, tmp_path: Path, named: Named
) -> None:
    inside = tmp_path / "data"
    inside.mkdir()
    process = named(inside)
    (inside / "server.pid").write_text(f"{process}\n")
    child = start("pass", inside=str(inside), pid_file=str(inside / "server.pid"))
    assert child.wait(10) == 0
    assert not (inside / "server.pid").exists()
    if named is zombie:
        os.waitpid(int(process), 0)


def test_the_pid_file_of_a_server_started_by_hand_is_left_alone(
    start: Start, tmp_path: Path
) -> None:
    inside = tmp_path / "data"
    inside.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, cwd=inside
    ) as it:
        (inside / "server.pid").write_text(f"{it.pid}\n{inside}\n")
        assert start("pass", inside=str(inside), pid_file=str(inside / "server.pid")).wait(10) == 0
        it.kill()
    assert (inside / "server.pid").exists()


def test_who_holds_a_lock_is_asked_to_end_in_his_own_way(start: Start, tmp_path: Path) -> None:
    code = """
import signal, sys, time
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, _: sys.exit(number))
print('ready', flush=True)
time.sleep(60)
"""
    child = start(code)
    wait_for(lambda: "ready" in output(tmp_path))
    lock = tmp_path / "lock"
    assert orphans.stop((lock,), 5, {lock: signal.SIGINT}) == 1
    assert child.wait() == signal.SIGINT


def test_a_process_has_ended_when_the_last_of_its_threads_has(start: Start, tmp_path: Path) -> None:
    """Its first one may be a zombie long before: the lock is held until then."""
    code = """
import ctypes, os, signal, threading, time
def last():
    time.sleep(0.5)
    os._exit(0)
def end(*_):
    threading.Thread(target=last).start()
    ctypes.CDLL(None).pthread_exit(None)
signal.signal(signal.SIGTERM, end)
print('ready', flush=True)
time.sleep(60)
"""
    child = start(code)
    wait_for(lambda: "ready" in output(tmp_path))
    child.terminate()
    assert orphans.wait((psutil.Process(child.pid),), 10) == ()
    assert not orphans.locked(tmp_path / "lock")


def test_a_lock_is_waited_for_whose_holder_is_about_to_end(start: Start, tmp_path: Path) -> None:
    """A process that was killed elsewhere shows no open file any more, so it is not found."""
    code = """
import ctypes, os, threading, time
def last():
    time.sleep(1)
    os._exit(0)
threading.Thread(target=last).start()
print('ready', flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""
    child = start(code)
    wait_for(lambda: "ready" in output(tmp_path))
    wait_for(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
    assert orphans.stop((tmp_path / "lock",), 10) == 0
    assert not orphans.locked(tmp_path / "lock")
