"""Supervision, tried on small programs and on Redis: every trap of running servers at home."""

import dataclasses
import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
import pytest

from streams.app.stack import environment, local_stack
from streams.errors import NEEDS_A_PERSON, UserError
from streams.stack import launching, orphans, supervisor
from streams.stack.logs import follow, log_of
from streams.stack.postgres import POSTGRES, reachable
from streams.stack.redis import REDIS
from streams.stack.report import Silent
from streams.stack.service import Service, User, Worker
from streams.stack.stack import Stack
from streams.stack.status import ProgramStatus
from tests.local_stack import own_settings
from tests.toys import ANSWER, toy, toy_stack, worker

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
FIRST, SECOND = toy("first", "kafka"), toy("second", "registry")
STAYS = worker("stays", "import time; print('at work', flush=True); time.sleep(600)")
FAILS = worker("fails", "raise SystemExit('no broker')")
ENDS = "import sys, time; print('at work', flush=True); time.sleep(3.2); sys.exit({code})"
CRASHES = worker("crashes", ENDS.format(code=1))
GIVES_UP = worker("gives_up", ENDS.format(code=NEEDS_A_PERSON))

Make = Callable[..., Stack]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes stacks, and takes down each at the end."""
    made: list[Stack] = []

    def build(
        *services: Service, home: Path | None = None, workers: Iterable[Worker] = ()
    ) -> Stack:
        stack = toy_stack(home or tmp_path / f"home-{len(made)}", *services, workers=workers)
        made.append(stack)
        return stack

    yield build
    for stack in made:
        stack.down()
        assert not processes(stack), "down left a process behind"


def processes(stack: Stack) -> list[psutil.Process]:
    """Whatever runs under the stack's home, or for it."""
    home = str(stack.config.home)
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and (
                any(home in part for part in process.cmdline()) or process.cwd().startswith(home)
            ):
                found.append(process)
        except psutil.Error:
            continue
    return found


def row(stack: Stack, name: str) -> ProgramStatus:
    return next(row for row in stack.status() if row.name == name)


def pid(stack: Stack, name: str) -> int:
    found = row(stack, name).pid
    assert found is not None
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def kill_supervisor(stack: Stack) -> None:
    process = psutil.Process(supervisor.pid(stack.config))
    process.kill()
    assert orphans.wait((process,), 10) == ()


class Told(Silent):
    """Remembers what was reported."""

    def __init__(self) -> None:
        self.order: list[tuple[str, str]] = []
        self.notes: list[str] = []

    def server(self, name: str, state: str, seconds: float) -> None:  # noqa: ARG002
        if (name, state) not in self.order:
            self.order.append((name, state))

    def note(self, text: str) -> None:
        self.notes.append(text)


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


def test_postgres_comes_back_when_a_client_is_slow_to_notice(make: Make) -> None:
    """A query that waits for nothing holds the data directory after its server was killed."""
    stack = make(POSTGRES)
    stack.up()
    wait_for(lambda: supervisor.programs(stack.config)["postgres"].state == "RUNNING")
    with closing(postgres_client(stack)) as link:
        backend = psutil.Process(link.info.backend_pid)
        link.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 40_000_000)")
        wait_for(lambda: backend.cpu_times().user > 0.2)
        psutil.Process(pid(stack, "postgres")).kill()
        wait_for(lambda: row(stack, "postgres").state == "ready", 90)
    assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE


def postgres_client(stack: Stack) -> psycopg.Connection[tuple[object, ...]]:
    port = stack.config.ports["postgres"]
    return psycopg.connect(host="127.0.0.1", port=port, user="postgres", autocommit=True)


def test_postgres_is_stopped_without_waiting_for_its_clients(make: Make) -> None:
    stack = make(POSTGRES)
    for crash in (False, True):
        stack.up()
        with postgres_client(stack):
            if crash:
                kill_supervisor(stack)
            began = time.monotonic()
            assert stack.down()
            assert time.monotonic() - began < POSTGRES.stop_seconds / 2
        assert log_of(stack, "postgres").read_text().endswith("database system is shut down\n")


def test_postgres_never_runs_as_root_and_weighs_what_all_its_processes_do(make: Make) -> None:
    stack = make(POSTGRES)
    stack.up()
    main = psutil.Process(pid(stack, "postgres"))
    family = (main, *main.children(recursive=True))
    for process in family:
        assert 0 not in (*process.uids(), *process.gids())
    assert len(family) > 1
    weights = [process.memory_full_info() for process in family]
    shown = row(stack, "postgres").memory_bytes or 0
    assert max(each.pss for each in weights) < shown < sum(each.rss for each in weights)


def test_postgres_writes_no_row_to_its_log(make: Make) -> None:
    stack = make(POSTGRES)
    stack.up()
    with postgres_client(stack) as link:
        link.execute("CREATE TABLE people (email text UNIQUE, country text CHECK (country <> ''))")
        link.execute("INSERT INTO people VALUES ('mia@example.org', 'CH')")
        for country in ("CH", ""):
            with pytest.raises(psycopg.IntegrityError), psycopg.ClientCursor(link) as cursor:
                cursor.execute("INSERT INTO people VALUES ('mia@example.org', %s)", [country])
    stack.down()
    logs = stack.config.folder("postgres") / "log"
    written = "".join(path.read_text() for path in logs.iterdir())
    assert "violates unique constraint" in written
    assert "violates check constraint" in written
    assert "mia" not in written


def test_any_user_may_run_postgres_as_himself() -> None:
    """The other way round than the rest of these tests where root runs them."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    nobody = pwd.getpwnam("nobody")
    if not reachable(Path(sys.executable), User(nobody.pw_uid, nobody.pw_gid)):
        pytest.skip("this Python is closed to others")
    with tempfile.TemporaryDirectory() as open_to_all:
        os.chown(open_to_all, nobody.pw_uid, nobody.pw_gid)
        home, cache = Path(open_to_all) / "home", Path(open_to_all) / "cache"
        settings = own_settings(home).model_copy(update={"cache": cache})
        built = {"HOME": open_to_all, "PATH": os.defpath, "PYTHONPATH": str(ROOT)}

        def storyline(*arguments: str) -> None:
            subprocess.run(
                [sys.executable, "-B", "-m", "streams.cli.main", *arguments],
                env=built | environment(settings),
                cwd=open_to_all,
                user=nobody.pw_uid,
                group=nobody.pw_gid,
                extra_groups=[],
                check=True,
                timeout=120,
            )

        stack = local_stack(settings)
        try:
            storyline("up", "--only", "postgres")
            server = psutil.Process(pid(stack, "postgres"))
            assert server.uids().real == nobody.pw_uid
            assert server.cwd() == str(home / "postgres" / "data")
        finally:
            storyline("down")
        assert not server.is_running()


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
    command = [*launching.wrapper(), str(launching.launch_file(stack.config, "redis"))]
    assert psutil.Popen(command).wait(10) == 75
    assert row(stack, "redis").state == "ready"


def test_the_lock_is_the_servers_own(make: Make) -> None:
    stack = make(REDIS)
    stack.up()
    (holder,) = orphans.holders(launching.lock_file(stack.config, "redis"))
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


def test_a_server_that_ends_again_and_again_is_given_up(make: Make) -> None:
    """Also one that lives long enough each time to count as started."""
    code = "import time; time.sleep(3.2); raise SystemExit('gone again')"
    stack = make(toy("flaps", "kafka", code=code))
    with pytest.raises(UserError, match="ended again and again"):
        stack.up()
    assert row(stack, "flaps").state in ("stopped", "stopping")


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


def test_workers_are_kept_running_and_shown(make: Make) -> None:
    stack = make(FIRST, workers=[STAYS])
    stack.up()
    assert row(stack, "stays").state == "stopped"
    stack.start_workers()
    assert (row(stack, "stays").kind, row(stack, "stays").state) == ("worker", "running")
    assert "at work" in log_of(stack, "stays").read_text()
    before = pid(stack, "stays")
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: row(stack, "stays").pid not in (None, before))
    stack.stop_workers()
    assert row(stack, "stays").state == "stopped"
    assert row(stack, "first").state == "ready"


def test_a_worker_that_ends_at_once_is_named_with_its_log(make: Make) -> None:
    stack = make(workers=[FAILS])
    with pytest.raises(UserError, match="fails does not start") as error:
        stack.start_workers()
    assert "no broker" in error.value.message
    with pytest.raises(UserError, match="no worker called poets"):
        stack.start_workers(["poets"])


def test_a_worker_that_needs_a_person_is_left_until_it_is_started_anew(make: Make) -> None:
    """Longer than the crash of another, which is restarted, takes a few times over."""
    stack = make(workers=[GIVES_UP, CRASHES])
    stack.start_workers()
    wait_for(lambda: log_of(stack, "crashes").read_text().count("at work") == 3)
    assert row(stack, "gives_up").state == "failed"
    assert log_of(stack, "gives_up").read_text().count("at work") == 1
    stack.start_workers(["gives_up"])
    assert row(stack, "gives_up").state == "running"


@pytest.mark.parametrize("name", ["with space and per%cent", "long" * 30])
def test_any_home_will_do(make: Make, tmp_path: Path, name: str) -> None:
    stack = make(REDIS, home=tmp_path / name)
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


def test_a_log_is_followed_through_its_rotation(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    log.write_text("before\n")
    grown = follow(lambda: log)
    with log.open("a") as file:
        file.write("one\n")
    assert next(grown) == "one\n"
    log.rename(tmp_path / "kafka.log.1")
    log.write_text("two, and longer than what was there before\n")
    assert next(grown).startswith("two")
    log.write_text("three\n")
    assert next(grown) == "three\n"


def test_a_log_is_followed_into_the_file_of_the_next_day(make: Make) -> None:
    stack = make(toy("daily", "kafka", log="daily-*.log"))
    logs = stack.config.folder("daily") / "log"
    logs.mkdir(parents=True)
    monday, tuesday = logs / "daily-Mon.log", logs / "daily-Tue.log"
    monday.write_text("before\n")
    os.utime(monday, (1, 1))
    assert log_of(stack, "daily") == monday
    grown = follow(lambda: log_of(stack, "daily"))
    with monday.open("a") as file:
        file.write("late\n")
    os.utime(monday, (2, 2))
    tuesday.write_text("early\n")
    assert [next(grown), next(grown)] == ["late\n", "early\n"]


def test_an_unknown_log_is_refused(make: Make) -> None:
    with pytest.raises(UserError, match="no log of kafak") as error:
        log_of(make(FIRST, workers=[STAYS]), "kafak")
    assert error.value.hint == "logs are: first, stays, supervisor"
