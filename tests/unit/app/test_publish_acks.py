"""Positions that `publish` reports: the highest acknowledged, in whatever order acks come."""

import itertools

import pytest

from streams.app.events.publish import LinePublisher
from streams.contracts.ids import SnowflakeGenerator
from streams.producer import Ack
from tests.unit.app.test_publish import FOLLOW, SlowBroker, run, surprised

FOLLOWS = "social.follows.v1"


@pytest.mark.parametrize("order", list(itertools.permutations((0, 4, 7))))
def test_position_is_the_highest_offset(order: tuple[int, ...]) -> None:
    broker = SlowBroker()
    publisher = LinePublisher(broker.publish, SnowflakeGenerator(1), surprised)
    run(FOLLOW * len(order), publisher)
    for offset, (_, ack) in zip(order, broker.pending, strict=True):
        ack.set_result(Ack(FOLLOWS, 3, offset))
    assert publisher.outcome.positions == {(FOLLOWS, 3): 7}
    assert publisher.outcome.published == len(order)


def test_first_record_of_a_partition_has_a_position() -> None:
    broker = SlowBroker()
    publisher = LinePublisher(broker.publish, SnowflakeGenerator(1), surprised)
    run(FOLLOW, publisher)
    broker.pending[0][1].set_result(Ack(FOLLOWS, 0, 0))
    assert publisher.outcome.positions == {(FOLLOWS, 0): 0}


def test_partitions_and_topics_have_positions_of_their_own() -> None:
    broker = SlowBroker()
    publisher = LinePublisher(broker.publish, SnowflakeGenerator(1), surprised)
    run(FOLLOW * 3, publisher)
    acks = (Ack(FOLLOWS, 0, 5), Ack(FOLLOWS, 1, 3), Ack("social.likes.v1", 0, 1))
    for answer, (_, ack) in zip(acks, broker.pending, strict=True):
        ack.set_result(answer)
    assert publisher.outcome.positions == {
        (topic, partition): offset for topic, partition, offset in acks
    }
