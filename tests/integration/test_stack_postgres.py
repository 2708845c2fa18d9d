"""PostgreSQL under supervision: who runs it, who stops it, and what it writes down."""

import os
import pwd
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
import pytest

from streams.app.stack import environment, local_stack
from streams.stack.servers.postgres import POSTGRES, reachable
from streams.stack.service import User
from streams.stack.stack import Stack
from streams.stack.supervision import supervisor
from streams.stack.supervision.logs import log_of
from tests.support.local_stack import own_settings
from tests.support.supervised_stacks import Make, kill_supervisor, pid, row, wait_for

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]


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
