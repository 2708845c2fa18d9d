"""An author with more warm followers than the posts worker serves: the rest goes by tasks."""

import pytest

from streams.app.read_side import open_read_side
from streams.app.settings import Settings
from streams.app.stores import progress
from streams.contracts.events import PostCreated, UserFollowed
from streams.contracts.ids import SnowflakeGenerator, id_time
from streams.serving.read_side import ReadSide
from tests.oracle.views import Oracle
from tests.support.line import EVERYTHING, fields, own_views, publish, served
from tests.support.workers import committed, running_workers, wait_for_lag_zero, wait_until, worker

pytestmark = pytest.mark.stack

AUTHOR = 9_500_000_000_000_000
READERS = range(AUTHOR + 1, AUTHOR + 121)
POSTS, SHARDS, INLINE, PAGE = 3, 2, 3, 1

_mint = SnowflakeGenerator(95)


def _follows() -> list[UserFollowed]:
    ids = [_mint.next_id() for _ in READERS]
    return [
        UserFollowed(
            event_id=event_id,
            occurred_at=id_time(event_id),
            follower_id=reader,
            followee_id=AUTHOR,
        )
        for reader, event_id in zip(READERS, ids, strict=True)
    ]


def _posts() -> list[PostCreated]:
    ids = [_mint.next_id() for _ in range(POSTS)]
    return [
        PostCreated(
            event_id=_mint.next_id(),
            occurred_at=id_time(post_id),
            author_id=AUTHOR,
            post_id=post_id,
            text="to all of you",
        )
        for post_id in ids
    ]


def _warm(side: ReadSide, reader: int) -> list[int] | None:
    """What the reader's stored timeline holds, newest first; None where it cannot answer."""
    timeline = side.caches.timelines.read(reader)
    return None if timeline is None else list(timeline.ids)


def _served_readers(side: ReadSide, posts: list[int]) -> int:
    """How many readers' timelines hold all the posts."""
    return sum(_warm(side, reader) == posts for reader in READERS)


def _tasks(settings: Settings) -> int:
    """How many delivery tasks were ever written."""
    return progress(settings).sizes(["storyline.fanout.v1"])["storyline.fanout.v1"]


def test_tasks_reach_every_warm_follower_though_their_worker_is_killed(stack: Settings) -> None:
    settings = own_views(stack, "v95", inline_followers=INLINE, delivery_page=PAGE, shards=SHARDS)
    follows, posts = _follows(), _posts()
    newest_first = sorted((post.post_id for post in posts), reverse=True)
    with open_read_side(settings) as side:
        with running_workers(settings, ("graph", "posts")) as workers:
            publish(settings, follows)
            wait_for_lag_zero(settings, workers)
            for reader in READERS:
                served(side).home_feed(reader)
            assert [_warm(side, reader) for reader in READERS] == [[]] * len(READERS)
            tasks = _tasks(settings)
            publish(settings, posts)
            wait_for_lag_zero(settings, workers)
        assert _served_readers(side, newest_first) == SHARDS * INLINE
        assert _tasks(settings) - tasks == SHARDS * POSTS
        _kill_between_two_pages(settings)
        assert SHARDS * INLINE < _served_readers(side, newest_first) < len(READERS)
        with running_workers(settings, ("delivery",)) as workers:
            wait_for_lag_zero(settings, workers)
        assert _tasks(settings) - tasks > SHARDS * POSTS
        oracle = Oracle(map(fields, [*follows, *posts]))
        for reader in READERS:
            right = oracle.home_feed(reader, limit=EVERYTHING)
            assert _warm(side, reader) == newest_first == [post["post_id"] for post in right]
            assert served(side).home_walk(reader) == right


def _kill_between_two_pages(settings: Settings) -> None:
    """kill -9 of a delivery worker once it has handed some tasks on: dozens follow one another."""
    before = _tasks(settings)
    with worker(settings, "delivery") as killed:
        wait_until(lambda: _tasks(settings) > before, poll_s=0.01, what="a first page")
        killed.kill()
    assert committed(settings, "delivery") < _tasks(settings)
