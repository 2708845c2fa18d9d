"""Publishing lines: which go, which are told, and when one counts as published."""

import io
from concurrent.futures import Future

import pytest

from streams.app.events.json_lines import MAX_LINE, lines_of
from streams.app.events.publish import LineError, LinePublisher, check_only
from streams.contracts.events import Event
from streams.contracts.ids import SnowflakeGenerator
from streams.producer import Ack, PublishError

FOLLOW = b'{"type": "UserFollowed", "follower_id": "1", "followee_id": "2"}\n'
SELF = b'{"type": "UserFollowed", "follower_id": "1", "followee_id": "1"}\n'


class SlowBroker:
    """Acknowledges when told to."""

    def __init__(self) -> None:
        self.pending: list[tuple[Event, Future[Ack]]] = []

    def publish(self, event: Event) -> Future[Ack]:
        ack: Future[Ack] = Future()
        self.pending.append((event, ack))
        return ack


def surprised(error: LineError) -> None:
    raise AssertionError(error)


def run(data: bytes, publisher: LinePublisher) -> None:
    for line in lines_of(io.BytesIO(data)):
        publisher.line(line)


def test_good_lines_are_sent_and_bad_ones_reported_by_number() -> None:
    told: list[LineError] = []
    publisher = LinePublisher(check_only, SnowflakeGenerator(1), told.append)
    run(FOLLOW + b"\n  \nnope\n" + SELF + b'{"type": "\xff"}\n[]\n' + FOLLOW.rstrip(), publisher)
    assert publisher.outcome.published == 2
    assert [(error.line, error.code) for error in told] == [
        (4, "malformed"),
        (5, "invalid_event"),
        (6, "malformed"),
        (7, "malformed"),
    ]
    assert publisher.outcome.refused == 4


def test_a_huge_line_is_refused_and_the_next_one_goes() -> None:
    told: list[LineError] = []
    publisher = LinePublisher(check_only, SnowflakeGenerator(1), told.append)
    run(b"x" * (3 * MAX_LINE) + b"\n" + FOLLOW, publisher)
    assert [error.line for error in told] == [1]
    assert "longer than" in told[0].message
    assert publisher.outcome.published == 1


def test_a_line_just_short_enough_is_read() -> None:
    [line] = lines_of(io.BytesIO(b"x" * (MAX_LINE - 1) + b"\n"))
    assert line.raw is not None
    [line] = lines_of(io.BytesIO(b"x" * (MAX_LINE + 1)))
    assert (line.raw, line.end) == (None, MAX_LINE + 1)
    assert line.problem == f"the line is longer than {MAX_LINE} bytes"


def test_nothing_counts_as_published_before_it_is_acknowledged() -> None:
    broker = SlowBroker()
    publisher = LinePublisher(broker.publish, SnowflakeGenerator(1), surprised)
    run(FOLLOW * 3, publisher)
    assert publisher.outcome.published == 0
    for offset, (_, ack) in enumerate(broker.pending[:2]):
        ack.set_result(Ack("social.follows.v1", 3, offset))
    assert publisher.outcome.published == 2
    assert publisher.outcome.positions == {("social.follows.v1", 3): 1}


def test_a_line_that_is_not_acknowledged_stops_the_rest() -> None:
    broker = SlowBroker()
    publisher = LinePublisher(broker.publish, SnowflakeGenerator(1), surprised)
    run(FOLLOW, publisher)
    broker.pending[0][1].set_exception(PublishError("timed out"))
    with pytest.raises(PublishError, match="timed out"):
        run(FOLLOW, publisher)
    assert (publisher.outcome.published, publisher.outcome.failed) == (0, 1)
    assert len(broker.pending) == 1
