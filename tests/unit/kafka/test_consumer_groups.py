"""Lag zero is looked for upstream first, downstream next, and then once more."""

from collections.abc import Sequence

import pytest

from streams.kafka.consumer_groups import PartitionLag, StalledError, wait_until_idle


class Flow:
    """Two groups: what the first reads becomes work of the second."""

    def __init__(self, upstream: int, tasks_each: int) -> None:
        self.left = {"posts": upstream, "delivery": 0}
        self._tasks_each = tasks_each
        self.looks: list[str] = []

    def lag_of(self, names: Sequence[str]) -> list[PartitionLag]:
        (name,) = names
        self.looks.append(name)
        lag = PartitionLag(name, "topic", 0, committed=None, start=0, end=self.left[name])
        if self.left[name]:
            self.left[name] -= 1
            if name == "posts":
                self.left["delivery"] += self._tasks_each
        return [lag]


def test_a_later_stage_is_waited_for_after_the_one_that_feeds_it() -> None:
    flow = Flow(upstream=3, tasks_each=2)
    wait_until_idle(flow.lag_of, [["posts"], ["delivery"]], timeout_s=5, poll_s=0)
    assert flow.left == {"posts": 0, "delivery": 0}
    assert flow.looks == ["posts"] * 4 + ["delivery"] * 7 + ["posts", "delivery"] * 2


def test_workers_without_progress_are_reported() -> None:
    stuck = [PartitionLag("storyline-v1-posts", "topic", 0, 5, 0, 12)]
    with pytest.raises(StalledError, match=r"7 records are left after 0 s \(storyline-v1-posts\)"):
        wait_until_idle(lambda _: stuck, [["posts"]], timeout_s=0, poll_s=0)


@pytest.mark.parametrize(
    ("committed", "start", "end", "lag"),
    [(None, 0, 3, 3), (None, 2, 3, 1), (3, 0, 3, 0), (1, 2, 5, 3)],
)
def test_lag_counts_what_the_log_still_holds(
    committed: int | None, start: int, end: int, lag: int
) -> None:
    assert PartitionLag("g", "t", 0, committed, start, end).lag == lag
