"""What `storyline verify` folds is the oracle's feed, and `storyline explain` never errs."""

from hypothesis import given
from hypothesis import strategies as st

from streams.serving.feed.explain import explain
from streams.serving.feed.home import home_feed
from streams.serving.read_side import ReadSide
from streams.serving.responses import PostPage
from streams.sinks.memory.store import MemoryStore
from streams.sinks.memory.timeline_cache import MemoryTimelineCache
from streams.verification.expected_feeds import TOPICS, FeedFold
from streams.verification.log_scan import everything
from streams.verification.readers import NamedReaders, Readers, SampledReaders
from streams.verification.verify import VerifiedLine, verify_feeds
from streams.views.timeline_limits import TimelineLimits
from tests.oracle.validity import Event
from tests.oracle.views import Oracle
from tests.strategies import World, deliveries, networks
from tests.support.feed_events import feed
from tests.support.memory_log import MemoryLog, Unwatched, schema_text
from tests.support.memory_side import memory_side
from tests.support.served_answers import page_answers

WORLDS = st.builds(World, population=st.integers(3, 5))
KINDS = ("posts", "follows", "blocks")


@st.composite
def logs(draw: st.DrawFn) -> tuple[World, list[Event], MemoryLog]:
    """A world, its events, and the log of them in any order, some twice."""
    world = draw(WORLDS)
    events = draw(networks(world, *KINDS))
    arrived = [event for poll in draw(deliveries(events)) for event in poll]
    return world, events, MemoryLog(arrived, piece=draw(st.sampled_from((7, 1000))))


def _side(events: list[Event]) -> ReadSide:
    store = MemoryStore()
    feed(store, [events])
    limits = TimelineLimits(length=3, slack=2)
    return memory_side(store, MemoryTimelineCache(shards=2, limits=limits), limits.length)


@given(data=st.data())
def test_the_fold_of_a_log_is_what_the_oracle_answers(data: st.DataObject) -> None:
    world, events, log = data.draw(logs())
    followers = {event["follower_id"] for event in events if event["type"] == "UserFollowed"}
    # Of few readers, so that originals and rival creates are by people who are no concern.
    named = data.draw(st.sets(st.sampled_from(world.users), max_size=2))
    readers: Readers = NamedReaders(named) if named else SampledReaders(100, 7)
    fold = FeedFold(log, schema_text, everything(log, TOPICS), lambda _: None)
    assert fold.run(readers) == tuple(sorted(named or followers))
    oracle = Oracle(events)
    for reader in readers.ids:
        told = page_answers(PostPage(fold.feed(reader), None))
        assert told == oracle.home_feed(reader, limit=1000)


@given(data=st.data())
def test_views_of_the_same_events_are_proved_equal(data: st.DataObject) -> None:
    world, events, log = data.draw(logs())
    line = VerifiedLine(log, schema_text, _side(events), lambda _: None)
    readers = NamedReaders([data.draw(st.sampled_from(world.users))])
    for warmth in ("cold", "warm"):
        verdict = verify_feeds(line, readers, Unwatched())
        assert verdict.is_proved, verdict
        assert verdict.warm == (warmth == "warm")


@given(data=st.data())
def test_explained_as_in_the_feed_is_what_is_in_the_feed(data: st.DataObject) -> None:
    world = data.draw(WORLDS)
    events = data.draw(networks(world, *KINDS))
    side, oracle = _side(events), Oracle(events)
    for reader in world.users:
        right = {post["post_id"] for post in oracle.home_feed(reader, limit=1000)}
        for _ in ("cold", "warm"):
            for post in (*world.posts, world.unknown):
                why = explain(side.views, side.caches, reader, post)
                assert why.in_feed == (post in right), why
                assert sum(map(bool, (why.path, why.rules, why.defect))) == 1, why
            home_feed(side.views, reader, caches=side.caches)
