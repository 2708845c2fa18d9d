"""Where reading begins: at the commit, and the broker is asked for no more than that takes."""

from typing import Any, cast

import pytest

from streams.runtime.consumer.positions import PositionGapError
from tests.unit.runtime.test_runtime_batcher import LIKES, GroupMember, Topic, offsets, run


class Committed(GroupMember):
    """A member whose group has committed, and whose log may begin later than that."""

    def __init__(self, commit: int, log_start: int) -> None:
        self.commit = commit
        self.begin = log_start
        self.asked = 0

    def committed(self, _: object) -> int | None:
        return self.commit

    async def log_start(self, _: object) -> int:
        self.asked += 1
        return self.begin


@pytest.mark.parametrize(
    ("commit", "log_start", "fetched", "begins", "asked"),
    [
        (5, 7, (5, 6, 7), 5, 0),  # the log was cut off after the fetch: 5 and 6 are here already
        (5, 7, (7, 8, 9), 7, 1),  # 5 and 6 are gone from the log
        (9, 0, (7, 8, 9), 9, 0),
    ],
)
def test_reading_begins_at_the_commit_or_the_start_of_the_log(
    commit: int, log_start: int, fetched: tuple[int, ...], begins: int, asked: int
) -> None:
    async def story() -> None:
        topic = Topic(max_records=len(fetched))
        member = Committed(commit, log_start)
        topic.rules._consumer = cast(Any, member)
        await topic.rules.seek()
        topic.put(*fetched)
        micro_batch = await topic.batcher.next_batch(0)
        assert offsets(micro_batch) == list(fetched)
        assert topic.rules.positions.at(LIKES) == begins
        assert member.asked == asked

    run(story())


def test_gap_behind_the_commit_is_an_error() -> None:
    async def story() -> None:
        topic = Topic(max_records=3)
        topic.rules._consumer = cast(Any, Committed(5, 0))
        await topic.rules.seek()
        topic.put(7, 8, 9)
        with pytest.raises(PositionGapError, match="expected offset 5, got 7"):
            await topic.batcher.next_batch(0)

    run(story())
