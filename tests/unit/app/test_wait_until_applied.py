"""Waiting until the groups have applied given records: whom for, up to where, and for how long."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import pytest

from streams.app import stores
from streams.app.settings import Settings
from streams.app.workers import wait
from streams.app.workers.wait import wait_for_records, wait_until_applied
from streams.errors import UserError
from streams.kafka.consumer_groups import PartitionLag
from streams.record import RecordPosition
from tests.support.messages import produces

POSTS, FOLLOWS, BLOCKS = "social.posts.v1", "social.follows.v1", "social.blocks.v1"
END = 100
"""Of each partition 0, the only one that the log has."""


class _Broker:
    """Groups that have applied less than everything, for some looks."""

    def __init__(self, left: Mapping[str, list[int]]) -> None:
        self._left = left

    def committed(
        self, group: str, places: Collection[tuple[str, int]]
    ) -> dict[tuple[str, int], int]:
        return dict.fromkeys(places, END - self._behind(group))

    def lag(self, groups: Mapping[str, Sequence[str]]) -> list[PartitionLag]:
        ((group, topics),) = groups.items()
        committed = END - self._behind(group)
        return [PartitionLag(group, topic, 0, committed, 0, END) for topic in topics]

    def missing(self, topics: Iterable[str]) -> list[str]:
        return [topic for topic in topics if topic == BLOCKS]

    def ends(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        return {(topic, 0): END for topic in topics}

    def _behind(self, group: str) -> int:
        agent = group.rpartition("-")[2]
        left = self._left.get(agent, [0])
        return left.pop(0) if len(left) > 1 else left[0]


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """What each agent has still to apply, look by look."""
    left: dict[str, list[int]] = {}
    monkeypatch.setattr(stores, "progress", lambda _: _Broker(left))
    monkeypatch.setattr(wait, "_POLL_S", 0)
    return left


@pytest.mark.parametrize(
    ("left", "lagging"),
    [
        ({}, None),
        ({"graph": [50, 3, 0]}, None),
        ({"posts": [20]}, None),  # beyond the end that was seen
        ({"posts": [21]}, "posts is 1 record"),
        pytest.param(
            {"graph": [25]},
            "graph is 10 records behind",
            marks=produces("consumer group … is … records behind"),
        ),
        ({"delivery": [1]}, "delivery is 1 records behind"),
        ({"delivery": [5, 1, 0]}, None),
        ({"stories": [9], "engagement": [9]}, None),  # which make nothing of these topics
    ],
)
def test_groups_that_lag_are_waited_for_and_then_named(
    left: dict[str, list[int]], lagging: str | None, broker: dict[str, list[int]]
) -> None:
    broker.update(left)
    ends = {(topic, 0): 80 for topic in (POSTS, FOLLOWS, BLOCKS)}
    if lagging is None:
        wait_until_applied(Settings(), ends, timeout_s=60, report=lambda _: None)
        return
    with pytest.raises(UserError) as error:
        wait_until_applied(Settings(), ends, timeout_s=0, report=lambda _: None)
    assert lagging in error.value.message


def test_record_is_applied_once_the_offset_behind_it_is_committed(
    broker: dict[str, list[int]],
) -> None:
    broker["graph"] = [END - 7]  # committed: 7, the next to be read
    _wait(
        RecordPosition(FOLLOWS, 0, 5), RecordPosition(FOLLOWS, 0, 6), RecordPosition(FOLLOWS, 0, 2)
    )
    with pytest.raises(UserError, match="graph is 1 records behind"):
        _wait(RecordPosition(FOLLOWS, 0, 7))
    with pytest.raises(UserError, match="graph is 1 records behind"):
        _wait(RecordPosition(FOLLOWS, 0, 7), RecordPosition(FOLLOWS, 0, 5))


def test_only_posts_are_delivered(broker: dict[str, list[int]]) -> None:
    broker["delivery"] = [1]
    _wait(RecordPosition(FOLLOWS, 0, 5))
    with pytest.raises(UserError, match="delivery is 1 records behind"):
        _wait(RecordPosition(POSTS, 0, 5))


@pytest.mark.parametrize(
    ("place", "told", "hint"),
    [
        (
            RecordPosition(POSTS, 0, END),
            "no record social.posts.v1:0:100",
            "ends before offset 100",
        ),
        (RecordPosition(POSTS, 8, 0), "no record social.posts.v1:8:0", "has no partition 8"),
        (
            RecordPosition("social.posts.v1.dlq", 0, 0),
            "no view is made of social.posts.v1.dlq",
            FOLLOWS,
        ),
        (RecordPosition("nonsense", 0, 0), "no view is made of nonsense", POSTS),
        (
            RecordPosition(BLOCKS, 0, 0),
            "Kafka has no topic social.blocks.v1",
            "storyline topics apply",
        ),
    ],
)
def test_what_will_never_be_applied_is_not_waited_for(
    place: RecordPosition, told: str, hint: str, broker: dict[str, list[int]]
) -> None:
    broker.update(posts=[END])
    with pytest.raises(UserError) as error:
        _wait(place, timeout_s=60)
    assert told in error.value.message
    assert hint in (error.value.hint or "")


def _wait(*places: RecordPosition, timeout_s: float = 0) -> None:
    wait_for_records(Settings(), places, timeout_s=timeout_s, report=lambda _: None)
