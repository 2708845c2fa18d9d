"""Workers under supervision, and the logs of all programs."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.errors import NEEDS_A_PERSON, UserError
from streams.stack.supervision.logs import follow, log_of
from tests.support.messages import produces, shown
from tests.support.supervised_stacks import Make, pid, row, status_output, wait_for
from tests.support.toy_programs import toy, worker

pytestmark = pytest.mark.stack

FIRST = toy("first", "kafka")
STAYS = worker("stays", "import time; print('at work', flush=True); time.sleep(600)")
FAILS = worker("fails", "raise SystemExit('no broker')")
ENDS = "import sys, time; print('at work', flush=True); time.sleep(3.2); sys.exit({code})"
CRASHES = worker("crashes", ENDS.format(code=1))
GIVES_UP = worker("gives_up", ENDS.format(code=NEEDS_A_PERSON))


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


@produces("failed")
def test_a_worker_that_needs_a_person_is_left_until_it_is_started_anew(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than the crash of another, which is restarted, takes a few times over."""
    stack = make(workers=[GIVES_UP, CRASHES])
    stack.start_workers()
    wait_for(lambda: log_of(stack, "crashes").read_text().count("at work") == 3)
    assert row(stack, "gives_up").state == "failed"
    printed = shown(status_output(stack, monkeypatch))
    assert "gives_up failed; from `storyline logs gives_up`:\n  at work\n" in printed
    assert log_of(stack, "gives_up").read_text().count("at work") == 1
    stack.start_workers(["gives_up"])
    assert row(stack, "gives_up").state == "running"


def within(locate: Callable[[], Path], seconds: float = 20) -> Callable[[], Path]:
    """Return `locate`, which `follow` calls whenever there is nothing to read; it fails in time."""
    deadline = time.monotonic() + seconds

    def located() -> Path:
        path = locate()
        assert time.monotonic() < deadline, f"nothing more of {path} was read in {seconds} s"
        return path

    return located


@pytest.mark.timeout(60)
def test_a_log_is_followed_through_its_rotation(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    log.write_text("before\n")
    grown = follow(within(lambda: log))
    with log.open("a") as file:
        file.write("one\n")
    assert next(grown) == "one\n"
    log.rename(tmp_path / "kafka.log.1")
    log.write_text("two, and longer than what was there before\n")
    assert next(grown).startswith("two")
    log.write_text("three\n")
    assert next(grown) == "three\n"


@pytest.mark.timeout(60)
def test_a_log_is_followed_into_the_file_of_the_next_day(make: Make) -> None:
    stack = make(toy("daily", "kafka", log="daily-*.log"))
    logs = stack.config.folder("daily") / "log"
    logs.mkdir(parents=True)
    monday, tuesday = logs / "daily-Mon.log", logs / "daily-Tue.log"
    monday.write_text("before\n")
    os.utime(monday, (1, 1))
    assert log_of(stack, "daily") == monday
    grown = follow(within(lambda: log_of(stack, "daily")))
    with monday.open("a") as file:
        file.write("late\n")
    os.utime(monday, (2, 2))
    tuesday.write_text("early\n")
    assert [next(grown), next(grown)] == ["late\n", "early\n"]


def test_an_unknown_log_is_refused(make: Make) -> None:
    with pytest.raises(UserError, match="no log of kafak") as error:
        log_of(make(FIRST, workers=[STAYS]), "kafak")
    assert error.value.hint == "logs are: first, stays, supervisor"
