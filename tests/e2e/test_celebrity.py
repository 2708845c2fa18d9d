"""An author who becomes a celebrity and ceases to be, with real workers: feeds never notice."""

import itertools
from collections.abc import Iterable, Sequence

import pytest

from streams import serving
from streams.app.broker import log_reader, schema_registry
from streams.app.read_side import open_read_side
from streams.app.settings import Settings
from streams.app.stores import progress
from streams.contracts.decoder import decode_and_validate
from streams.contracts.events import (
    AuthorTierChanged,
    Event,
    PostCreated,
    Tier,
    UserFollowed,
    UserUnfollowed,
)
from streams.contracts.ids import SnowflakeGenerator, id_time
from streams.contracts.records import Records
from streams.contracts.rows import events as events_of
from streams.serving.feed.context_loader import followed_digest
from streams.serving.read_side import ReadSide
from tests.oracle.views import Oracle
from tests.support.line import EVERYTHING, fields, flush_redis, own_views, publish, served
from tests.support.workers import running_workers, wait_for_lag_zero

pytestmark = pytest.mark.stack

CELEBRITY, SMALL = 9_700_000_000_000_000, 9_700_000_000_000_001
READERS = range(SMALL + 1, SMALL + 13)
LIMIT = 8
TIERS_TOPIC = "social.tiers.v1"

_mint = SnowflakeGenerator(97)


def _posts(author: int, count: int) -> list[PostCreated]:
    ids = [_mint.next_id() for _ in range(count)]
    return [
        PostCreated(
            event_id=_mint.next_id(),
            occurred_at=id_time(post_id),
            author_id=author,
            post_id=post_id,
            text="to whom it may concern",
        )
        for post_id in ids
    ]


def _relations(
    kind: type[UserFollowed] | type[UserUnfollowed], author: int, readers: Iterable[int]
) -> list[Event]:
    ids = [(_mint.next_id(), reader) for reader in readers]
    return [
        kind(
            event_id=event_id,
            occurred_at=id_time(event_id),
            follower_id=reader,
            followee_id=author,
        )
        for event_id, reader in ids
    ]


class _Line:
    """Publishes, lets new workers apply it, and compares every reader's feed with the oracle."""

    def __init__(self, settings: Settings, side: ReadSide) -> None:
        self.settings = settings
        self.side = side
        self.told: list[Event] = []

    def take(self, *batches: Sequence[Event]) -> None:
        """Workers of their own for each call: they count followers anew."""
        with running_workers(self.settings, ("graph", "posts", "delivery")) as workers:
            for batch in batches:
                publish(self.settings, batch)
                self.told += batch
                wait_for_lag_zero(self.settings, workers)
                self.compare()

    def compare(self) -> None:
        oracle = Oracle(map(fields, self.told))
        for reader in READERS:
            right = oracle.home_feed(reader, limit=EVERYTHING)
            assert served(self.side).home_walk(reader) == right, reader

    def stored(self, reader: int) -> list[int] | None:
        sources = followed_digest({CELEBRITY, SMALL, reader})
        timeline = self.side.caches.timelines.read(reader)
        if timeline is None or timeline.digest != sources:
            return None
        return list(timeline.ids)

    def tier(self) -> Tier:
        return serving.tier(self.side.views.tiers, CELEBRITY)


def _decisions(settings: Settings, since: int) -> list[tuple[Tier, Tier]]:
    """Tiers left and entered, as the topic tells of the author since then (ms, event time)."""
    registry = schema_registry(settings)
    found = []
    for records in log_reader(settings).read(TIERS_TOPIC, 0, follow=False):
        batch, _ = decode_and_validate(Records.of(records), TIERS_TOPIC, registry.schema_text)
        for _, event in events_of(batch):
            assert isinstance(event, AuthorTierChanged)
            if event.author_id == CELEBRITY and event.occurred_at >= since:
                found.append((event.occurred_at, event.previous_tier, event.tier))
    return [(before, after) for _, before, after in sorted(found)]


def test_feeds_are_right_while_an_author_becomes_a_celebrity_and_ceases_to_be(
    stack: Settings,
) -> None:
    settings = own_views(
        stack, "v97", inline_followers=1, shards=2, delivery_page=2, pull_followers=LIMIT
    )
    with open_read_side(settings) as side:
        line = _Line(settings, side)
        begun = id_time(_mint.next_id())
        follows = [
            *_relations(UserFollowed, CELEBRITY, READERS),
            *_relations(UserFollowed, SMALL, READERS[:1]),
        ]
        line.take(follows, _posts(SMALL, 2))
        for reader in READERS:
            served(side).home_feed(reader)
        tasks = progress(settings).sizes(["storyline.fanout.v1"])

        # Up: the first post shows what it would cost; the small author is pushed as ever.
        first, second, small = _posts(CELEBRITY, 1), _posts(CELEBRITY, 2), _posts(SMALL, 1)
        line.take(first, [*second, *small])
        assert line.tier() is Tier.CELEBRITY
        assert progress(settings).sizes(["storyline.fanout.v1"]) == tasks, "no task was written"
        stored = line.stored(READERS[0])
        assert stored is not None, "the timeline is warm"
        assert {post.post_id for post in small} <= set(stored)
        assert not {post.post_id for post in second} & set(stored)

        # Whatever is lost, what was pulled is there.
        flush_redis(settings)
        line.compare()

        # Down: few are left, and are pushed to; what was pulled stays in their feeds.
        left = READERS[3:]
        line.take(_relations(UserUnfollowed, CELEBRITY, left))
        last = _posts(CELEBRITY, 1)
        line.take(last)
        assert line.tier() is Tier.POPULAR
        stored = line.stored(READERS[0])
        assert stored is not None
        assert last[0].post_id in stored

        # And up again.
        line.take(_relations(UserFollowed, CELEBRITY, left))
        line.take(_posts(CELEBRITY, 1))
        decisions = _decisions(settings, begun)
        assert decisions == list(
            itertools.pairwise((Tier.REGULAR, Tier.CELEBRITY, Tier.POPULAR, Tier.CELEBRITY))
        )
