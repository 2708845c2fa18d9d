"""Supervision, tried on small programs and on Redis: every trap of running servers at home."""

import dataclasses
import os
import signal
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from streams.errors import UserError
from streams.stack.servers.postgres import POSTGRES
from streams.stack.servers.redis import REDIS
from streams.stack.service import Service
from streams.stack.stack import Stack
from streams.stack.supervision import launch_files, orphans, stop, supervisor, supervisord_conf
from tests.support.messages import produces, shown
from tests.support.supervised_stacks import (
    Make,
    Told,
    kill_supervisor,
    pid,
    processes,
    row,
    status_output,
    wait_for,
)
from tests.support.toy_programs import ANSWER, toy, worker

pytestmark = pytest.mark.stack

FIRST, SECOND = toy("first", "kafka"), toy("second", "registry")
STAYS = worker("stays", "import time; print('at work', flush=True); time.sleep(600)")


def test_up_and_down_and_up_again(make: Make) -> None:
    stack = make(REDIS, FIRST)
    assert {row.state for row in stack.status()} == {"stopped"}
    stack.up()
    assert {row.state for row in stack.status()} == {"ready"}
    assert stack.down()
    assert not processes(stack)
    assert not stack.down()
    stack.up()
    assert {row.state for row in stack.status()} == {"ready"}


def test_a_second_up_changes_nothing(make: Make) -> None:
    stack = make(REDIS, FIRST)
    stack.up()
    before = stack.status()
    stack.up()
    assert [row.pid for row in stack.status()] == [row.pid for row in before]


def test_only_what_was_asked_for_is_started(make: Make) -> None:
    stack = make(FIRST, SECOND)
    stack.up(["second"])
    assert [row.state for row in stack.status()] == ["stopped", "ready"]
    stack.up()
    assert [row.state for row in stack.status()] == ["ready", "ready"]


def test_a_server_waits_for_what_it_depends_on(make: Make) -> None:
    slow = toy("slow", "kafka", delay=0.5)
    needs = toy("needs", "registry", depends_on=["slow"])
    told = Told()
    make(needs, slow).up(report=told)
    assert told.order.index(("slow", "ready")) < told.order.index(("needs", "starting"))
    assert ("needs", "waits for slow") in told.order


def test_a_server_is_started_beside_what_it_works_with_and_stopped_before_it(make: Make) -> None:
    told = Told()
    works = toy("works", "registry", uses=["slow"])
    stack = make(toy("slow", "kafka", delay=0.5), works)
    stack.up(["works"], told)
    assert told.order.index(("works", "ready")) < told.order.index(("slow", "ready"))
    stack.down(told)
    assert told.order.index(("works", "stopped")) < told.order.index(("slow", "stopping"))


def test_servers_start_side_by_side(make: Make) -> None:
    told = Told()
    make(toy("a", "kafka", delay=0.5), toy("b", "redis", delay=0.5)).up(report=told)
    started, ready = ("a", "b"), ("a", "b")
    last_start = max(told.order.index((name, "starting")) for name in started)
    assert last_start < min(told.order.index((name, "ready")) for name in ready)


@pytest.mark.parametrize("service", [REDIS, POSTGRES], ids=lambda service: service.name)
def test_a_server_that_dies_comes_back_and_leaves_no_zombie(make: Make, service: Service) -> None:
    stack = make(service)
    stack.up()
    # The first kill finds it settled, the second soon after its start.
    wait_for(lambda: supervisor.programs(stack.config)[service.name].state == "RUNNING")
    for _ in range(2):
        before = psutil.Process(pid(stack, service.name))
        before.kill()
        wait_for(lambda process=before: not process.is_running())  # type: ignore[misc]
        wait_for(lambda: row(stack, service.name).state == "ready")


def test_servers_outlive_their_supervisor_and_down_finds_them(make: Make) -> None:
    stack = make(REDIS, FIRST, workers=[STAYS])
    stack.up()
    stack.start_workers()
    kill_supervisor(stack)
    assert {row.state for row in stack.status()} == {"orphaned"}
    assert stack.down()
    assert not processes(stack)


def test_up_after_a_crash_of_the_supervisor_replaces_what_it_left(make: Make) -> None:
    stack = make(REDIS)
    stack.up()
    before = psutil.Process(pid(stack, "redis"))
    kill_supervisor(stack)
    told = Told()
    stack.up(report=told)
    assert told.notes == ["stopped 1 processes that a supervisor had left behind"]
    assert row(stack, "redis").state == "ready"
    assert pid(stack, "redis") != before.pid
    assert orphans.wait((before,), 0) == ()


def test_up_after_everything_was_killed(make: Make) -> None:
    stack = make(REDIS, POSTGRES, FIRST)
    stack.up()
    left = [process for process in processes(stack) if process.pid != os.getpid()]
    kill_supervisor(stack)
    for process in left:
        if process.is_running():
            process.kill()
    wait_for(lambda: not processes(stack))
    stack.up()
    assert {row.state for row in stack.status()} == {"ready"}


def test_a_second_server_on_the_same_data_is_refused(make: Make) -> None:
    stack = make(REDIS)
    stack.up()
    command = [*launch_files.wrapper(), str(launch_files.launch_file(stack.config, "redis"))]
    assert psutil.Popen(command).wait(10) == 75
    assert row(stack, "redis").state == "ready"


def test_the_lock_is_the_servers_own(make: Make) -> None:
    stack = make(REDIS)
    stack.up()
    (holder,) = orphans.holders(launch_files.lock_file(stack.config, "redis"))
    assert holder.pid == pid(stack, "redis")
    assert Path(holder.exe()).name == "valkey-server"


def test_a_server_sees_nothing_of_the_callers_environment(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xmx1m")
    monkeypatch.setenv("SECRET", "sesame")
    stack = make(FIRST)
    stack.up()
    seen = psutil.Process(pid(stack, "first")).environ()
    assert set(seen) == {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "MALLOC_ARENA_MAX"}


def test_a_port_in_use_starts_nothing(make: Make) -> None:
    one, other = make(REDIS), make(REDIS, FIRST)
    one.up()
    ports = {**other.config.ports, "redis": one.config.ports["redis"]}
    clash = Stack(
        type(other.config)(home=other.config.home, cache=other.config.cache, ports=ports),
        services=(REDIS, FIRST),
    )
    with pytest.raises(UserError, match=r"wanted by redis, is in use by process .*valkey-server"):
        clash.up()
    assert not processes(clash)


def test_two_stacks_run_side_by_side(make: Make) -> None:
    one, other = make(REDIS), make(REDIS)
    one.up()
    other.up()
    one.down()
    assert row(other, "redis").state == "ready"


@produces("… runs with other settings than the present ones")
def test_settings_changed_under_a_running_server_are_refused(make: Make) -> None:
    stack = make(FIRST)
    stack.up()
    ports = {**stack.config.ports, "kafka": stack.config.ports["cassandra"]}
    moved = Stack(
        type(stack.config)(home=stack.config.home, cache=stack.config.cache, ports=ports),
        services=(FIRST,),
    )
    with pytest.raises(UserError, match="first runs with other settings") as error:
        moved.up()
    assert error.value.hint is not None
    assert "storyline down" in error.value.hint


def test_a_server_that_cannot_start_is_named_with_reason_and_log(make: Make) -> None:
    broken = toy("broken", "kafka", code="raise SystemExit('bad setting: 42')")
    stack = make(broken)
    with pytest.raises(UserError, match="broken does not start") as error:
        stack.up()
    assert str(stack.config.folder("broken") / "log" / "out.log") in error.value.message
    assert "bad setting: 42" in error.value.message


@produces("… does not start: it ended again and again")
def test_a_server_that_ends_again_and_again_is_given_up(make: Make) -> None:
    """Also one that lives long enough each time to count as started."""
    code = "import time; time.sleep(3.2); raise SystemExit('gone again')"
    stack = make(toy("flaps", "kafka", code=code))
    with pytest.raises(UserError, match="ended again and again"):
        stack.up()
    assert row(stack, "flaps").state in ("stopped", "stopping")


@produces("… is not ready after … s")
def test_a_server_that_never_answers_is_given_up(make: Make) -> None:
    silent = toy("silent", "kafka", code="import time; time.sleep(600)", start_seconds=1)
    stack = make(silent, SECOND)
    with pytest.raises(UserError, match="silent is not ready after 1 s; its log is"):
        stack.up()
    assert row(stack, "second").state == "ready"


def test_a_server_deaf_to_requests_to_end_is_killed(make: Make) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    stack = make(toy("deaf", "kafka", code=code + ANSWER))
    stack.up()
    kill_supervisor(stack)
    assert stack.down()
    assert not processes(stack)


@pytest.mark.parametrize("name", ["a b é日", "a#'\"&(){}*?!@=+~`<>:$x[]|^"])
def test_servers_and_workers_start_in_a_short_home_with_odd_characters(
    make: Make, name: str
) -> None:
    with tempfile.TemporaryDirectory(prefix="s-") as folder:
        stack = make(REDIS, home=Path(folder) / "h" / name, workers=[STAYS])
        stack.up()
        stack.start_workers()
        socket = supervisord_conf.recorded_socket(stack.config)
        assert socket is not None
        assert socket.is_relative_to(stack.config.home), "the socket's path has the characters"
        assert {row.name: row.state for row in stack.status()} == {
            "redis": "ready",
            "stays": "running",
        }
        wait_for(lambda: (stack.config.folder("stays") / "worker.log").read_text() == "at work\n")
        stack.down()
        written = [path.name for path in (Path(folder) / "h").iterdir()]
        assert set(written) == {name, "cache"}, "nothing is written to a path cut short"


def test_servers_start_in_a_home_too_long_for_a_socket(make: Make, tmp_path: Path) -> None:
    stack = make(REDIS, home=tmp_path / ("long" * 30))
    stack.up()
    assert row(stack, "redis").state == "ready"


def test_reset_deletes_what_was_written_and_nothing_else(make: Make) -> None:
    stack = make(REDIS, workers=[STAYS])
    stack.up()
    (stack.config.home / "notes.txt").write_text("mine")
    stack.reset()
    assert not processes(stack)
    assert sorted(path.name for path in stack.config.home.iterdir()) == ["lock", "notes.txt"]
    stack.up()
    assert row(stack, "redis").state == "ready"


def test_reset_deletes_what_was_made_from_the_data_if_it_is_the_stacks_own(
    make: Make, tmp_path: Path
) -> None:
    plain = make(FIRST)
    inside, outside = plain.config.home / "delta", tmp_path / "lake"
    config = dataclasses.replace(plain.config, derived=(inside, outside))
    stack = Stack(config, services=(FIRST,), workers=())
    for folder in (inside, outside):
        (folder / "table").mkdir(parents=True)
    told = Told()
    stack.reset(told)
    assert not inside.exists()
    assert outside.exists()
    (note,) = told.notes
    assert str(outside) in note


@produces("the supervisor hangs; its log is …", "supervisor", "silent")
def test_a_stopped_server_delays_no_other_and_a_stopped_supervisor_hides_none(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    third = toy("third", "postgres")
    stack = make(FIRST, SECOND, third, workers=[STAYS])
    stack.up()
    stack.start_workers()
    stopped = [pid(stack, name) for name in ("first", "second")]
    told = supervisor.pid(stack.config)
    assert told is not None
    try:
        for number in stopped:
            os.kill(number, signal.SIGSTOP)
        began = time.monotonic()
        states = {one.name: one.state for one in stack.status()}
        assert time.monotonic() - began < 4  # both at the same time, two seconds each
        assert (states["first"], states["second"], states["third"]) == (
            "starting",
            "starting",
            "ready",
        )
        os.kill(told, signal.SIGSTOP)
        monkeypatch.setattr(supervisor, "_REPLY_SECONDS", 0.5)
        rows = stack.status()
        assert [(one.kind, one.state) for one in rows if one.name == "supervisor"] == [
            ("supervisor", "silent")
        ]
        [printed] = (
            line for line in status_output(stack, monkeypatch).splitlines() if "supervisor" in line
        )
        assert "silent" in shown(printed)
        with pytest.raises(UserError, match="hangs; its log is"):
            supervisor.start_program(stack.config, "first")
        found = {one.name: (one.state, one.pid) for one in rows}
        assert found["third"][0] == "ready"
        assert found["stays"][0] == "running"
        assert all(found[name][1] for name in ("first", "third", "stays"))
    finally:
        os.kill(told, signal.SIGCONT)
        for number in stopped:
            os.kill(number, signal.SIGCONT)
    assert "supervisor" not in {one.name for one in stack.status()}


@produces("these do not stop: …")
def test_server_that_outlives_its_time_to_stop_is_named(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make(FIRST)
    stack.up()
    with monkeypatch.context() as patch:
        patch.setattr(stop, "_MARGIN_SECONDS", -60)
        with pytest.raises(UserError, match=r"these do not stop: first$") as error:
            stack.down()
    assert error.value.hint == "run `storyline down` again"


@produces("the supervisor says of …")
def test_what_the_supervisor_refuses_is_reported(make: Make) -> None:
    stack = make(FIRST)
    stack.up()
    with pytest.raises(UserError, match="the supervisor says of other: BAD_NAME") as error:
        supervisor.start_program(stack.config, "other")
    assert "storyline down" in str(error.value.hint)
