"""`storyline dlq add`: what it asks, what it refuses, and when it records a decision."""

import json

import pytest
from typer.testing import CliRunner

from streams.app.dlq import record_rejection
from streams.app.dlq.record_rejection import RejectableRecord, rejectable
from streams.app.settings import Settings
from streams.app.workers.run_files import WaitingRecord, WorkerReport
from streams.cli.dlq.commands import app
from streams.errors import UserError
from streams.kafka.consumer_groups import PartitionLag
from streams.record import RecordPosition
from tests.support.messages import produces

PLACE = RecordPosition("social.posts.v1", 3, 17)
RECORD = RejectableRecord(PLACE, "storyline-v1-posts", "social.posts.v1.dlq", False, None)
ARGUMENTS = ["add", str(PLACE), "--group", "posts", "--reason", "lost schema"]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Reasons of the decisions that were recorded."""
    reasons: list[str] = []
    found = [RECORD]
    monkeypatch.setattr(record_rejection, "rejectable", lambda *_: found[0])
    monkeypatch.setattr(record_rejection, "reject", lambda _s, _r, why: reasons.append(why))
    return reasons


def test_it_asks_and_a_no_records_nothing(recorded: list[str]) -> None:
    told = CliRunner().invoke(app, ARGUMENTS, input="n\n")
    assert told.exit_code == 1
    assert "No running worker waits at this record. Put social.posts.v1:3:17 into" in told.output
    assert recorded == []
    assert CliRunner().invoke(app, ARGUMENTS, input="y\n").exit_code == 0
    assert recorded == ["lost schema"]


def test_a_dry_run_asks_and_records_nothing(recorded: list[str]) -> None:
    told = CliRunner().invoke(app, [*ARGUMENTS, "--dry-run"])
    assert told.output == (
        "would put social.posts.v1:3:17 into social.posts.v1.dlq for the group posts\n"
    )
    assert recorded == []


def test_a_decision_that_was_recorded_before_is_not_recorded_again(
    recorded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = RECORD._replace(decided="by somebody else")
    monkeypatch.setattr(record_rejection, "rejectable", lambda *_: before)
    told = CliRunner().invoke(app, [*ARGUMENTS, "--yes", "--json"])
    assert (told.exit_code, recorded) == (0, [])
    answer = json.loads(told.output)
    assert (answer["recorded"], answer["reason"]) == (False, "by somebody else")


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(
    "arguments", [["add", "nonsense", *ARGUMENTS[2:]], [*ARGUMENTS[:-1], "  "]]
)
def test_invalid_position_or_reason_is_refused(arguments: list[str]) -> None:
    told = CliRunner().invoke(app, [*arguments, "--yes"])
    assert isinstance(told.exception, UserError)
    assert told.exception.exit_code == 2


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offsets 10 to 19 of one partition, of which the group has applied those below 15; 18 is a
    marker. A worker waits at 17."""
    lag = PartitionLag("storyline-v1-posts", PLACE.topic, 3, 15, 10, 20)
    waiting = WaitingRecord(
        lag.group, 1, PLACE.topic, 3, 17, True, 0.0, 70.0, True, "decode", "away"
    )
    reports = [WorkerReport(lag.group, 1, waiting=[waiting])]
    monkeypatch.setattr(record_rejection, "check_topics", lambda *_: None)
    monkeypatch.setattr(
        record_rejection, "partition_lag", lambda _s, _a, _t, number: lag if number == 3 else None
    )
    monkeypatch.setattr(
        record_rejection,
        "first_records",
        lambda _b, starts, _e: {at: 19 if to == 18 else to for at, to in starts.items()},
    )
    monkeypatch.setattr(
        record_rejection, "decisions_of", lambda *_: {PLACE._replace(offset=16): "before"}
    )
    monkeypatch.setattr(record_rejection, "worker_reports", lambda *_, **__: reports)


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("position", "agent", "code", "message"),
    [
        (PLACE, "nobody", 2, "there is no group nobody"),
        pytest.param(
            PLACE,
            "graph",
            2,
            "the group graph does not read social.posts.v1",
            marks=produces("the group … does not read …"),
        ),
        pytest.param(
            PLACE._replace(partition=4),
            "posts",
            1,
            "the log has no record",
            marks=produces("the log has no record …"),
        ),
        (PLACE._replace(offset=20), "posts", 1, "the log has no record"),
        (PLACE._replace(offset=9), "posts", 1, "the log has no record"),
        (PLACE._replace(offset=18), "posts", 1, "the log has no record"),
        pytest.param(
            PLACE._replace(offset=14),
            "posts",
            1,
            "is past social.posts.v1:3:14: it goes on at",
            marks=produces("the group … is past …"),
        ),
    ],
)
def test_what_cannot_be_rejected_is_refused(
    position: RecordPosition, agent: str, code: int, message: str
) -> None:
    with pytest.raises(UserError, match=message) as refused:
        rejectable(Settings(), position, agent)
    assert refused.value.exit_code == code


@pytest.mark.usefixtures("log")
def test_what_is_known_of_a_record_that_can_be_rejected() -> None:
    found = rejectable(Settings(), PLACE, "posts")
    assert found == RECORD._replace(waited_at=True)
    before = rejectable(Settings(), PLACE._replace(offset=16), "posts")
    assert (before.decided, before.waited_at) == ("before", False)
    of_lake = rejectable(Settings(), PLACE, "lake")
    assert of_lake.target == "the lake's table quarantine"
    assert (of_lake.group, of_lake.waited_at) == ("storyline-v1-lake", False)
