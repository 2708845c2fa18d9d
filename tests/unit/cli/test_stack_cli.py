"""The stack's commands: what they print, and how they refuse."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.app.settings import settings
from streams.app.stack import environment
from streams.cli.main import app
from streams.cli.stack.progress import Display
from streams.errors import UserError
from streams.stack.services import SERVICES, WORKERS
from streams.stack.stack import Stack
from streams.stack.supervision.status import ProgramStatus
from tests.support.local_stack import own_settings

COMMANDS = ("up", "down", "status", "logs", "reset", "doctor")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home of a stack that was never started, with an empty cache."""
    own = own_settings(tmp_path / "home").model_copy(update={"cache": tmp_path / "cache"})
    for name, value in environment(own).items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield own.home
    settings.cache_clear()


def run(*arguments: str, answer: str | None = None) -> tuple[int, str]:
    """Exit code and output; errors for a person are raised."""
    result = CliRunner().invoke(app, list(arguments), input=answer)
    if isinstance(result.exception, UserError):
        raise result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    code, output = run(command, "--help")
    assert code == 0
    assert f"storyline {command}" in output
    assert "Example" in output


def test_status_of_a_stack_that_never_ran(home: Path) -> None:
    code, output = run("status")
    assert code == 0
    assert output.count("stopped") == len(SERVICES) + len(WORKERS)
    assert not home.exists(), "looking must not write"
    assert run("status", "--check")[0] == 1


def test_status_tells_the_last_words_of_a_worker_that_failed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = home / "worker.log"
    home.mkdir()
    log.write_text("…\nstoryline: too much\n  do this\n")
    row = ProgramStatus("posts", "worker", "failed", None, {}, None, None, "", log)
    monkeypatch.setattr(Stack, "status", lambda _: (row, replace(row, state="stopped")))
    output = run("status")[1]
    told = "posts failed; from `storyline logs posts`:\n  storyline: too much\n    do this\n"
    assert output.endswith(f"\n{told}")
    assert output.count("too much") == 1
    json.loads(run("status", "--json")[1])


def test_status_for_scripts(home: Path) -> None:
    rows = json.loads(run("status", "--json")[1])
    kafka = next(row for row in rows if row["name"] == "kafka")
    assert kafka["state"] == "stopped"
    assert kafka["log"] == str(home / "kafka" / "log" / "kafka.log")
    assert set(kafka["ports"]) == {"kafka", "kafka_controller"}


def test_down_when_nothing_runs_is_no_error(home: Path) -> None:
    assert run("down")[0] == 0
    assert not home.exists()


def test_up_refuses_an_unknown_server(home: Path) -> None:
    with pytest.raises(UserError, match="no server called mysql"):
        run("up", "--only", "mysql")
    assert not home.exists()


def test_logs_refuses_what_it_does_not_know_or_have(home: Path) -> None:
    with pytest.raises(UserError, match="no log of kafak"):
        run("logs", "kafak")
    with pytest.raises(UserError, match="kafka has no log yet"):
        run("logs", "kafka")


def test_logs_shows_the_last_lines(home: Path) -> None:
    log = home / "kafka" / "log" / "kafka.log"
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"line {number}\n" for number in range(10)))
    assert run("logs", "kafka", "-n", "2")[1] == "line 8\nline 9\n"


def test_reset_asks_first(home: Path) -> None:
    data = home / "kafka" / "data"
    data.mkdir(parents=True)
    assert run("reset", answer="n\n")[0] == 1
    assert data.exists()
    assert run("reset", answer="y\n")[0] == 0
    assert not data.exists()


def test_doctor_says_what_is_there_and_what_is_not(home: Path) -> None:
    code, output = run("doctor", "--json")
    findings = {finding["subject"]: finding for finding in json.loads(output)}
    assert code == 0
    assert findings["java"]["level"] == "ok"
    assert findings["kafka"]["level"] == "note"
    assert "92 missing or broken (56 MB)" in findings["kafka"]["text"]
    assert "118 missing or broken (69 MB)" in findings["connect"]["text"]
    assert "4 missing or broken (12 MB)" in findings["delta"]["text"]
    assert findings["redis"]["level"] == "ok"
    assert findings["postgres"]["level"] == "ok"
    assert "kafka" in run("doctor")[1]


def test_doctor_exits_with_1_when_something_is_wrong(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORYLINE_JAVA", "/nowhere/java")
    settings.cache_clear()
    code, output = run("doctor")
    assert code == 1
    assert "cannot run /nowhere/java" in output


def test_doctor_knows_what_postgres_would_refuse(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    code, output = run("doctor")
    assert code == 1
    assert "PostgreSQL needs the account with the id 54321" in " ".join(output.split())


def test_an_error_is_one_clear_line_without_a_stack_trace(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORYLINE_JAVA", "/nowhere/java")
    answer = subprocess.run(
        [sys.executable, "-m", "streams.cli.main", "up"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr.splitlines() == [
        "storyline: cannot run /nowhere/java: No such file or directory",
        "  name a Java 17 with STORYLINE_JAVA, or unset it to use the bundled one",
    ]
    assert not (home.parent / "cache" / "jars").exists(), "told before anything is fetched"


def test_progress_without_a_terminal_is_a_line_per_change(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Display() as display:
        display.download_started(2, 3_000_000)
        display.downloaded(3_000_000)
        display.download_finished()
        for seconds in (0.0, 0.1, 0.2):
            display.server("kafka", "starting", seconds)
        display.server("kafka", "ready", 1.25)
    assert capsys.readouterr().err.splitlines() == [
        "downloading 2 files, 3 MB",
        "downloaded",
        "kafka starting",
        "kafka ready after 1.2 s",
    ]
