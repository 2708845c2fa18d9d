"""The whole line for end-to-end tests: views of a test's own, a week of events, and its judge."""

import random
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import redis

from streams.agents.registry import AGENTS
from streams.app.settings import Settings
from streams.contracts.events import Event
from streams.generate.duplicates import with_duplicates
from streams.generate.network import Network
from streams.generate.world import Plan
from streams.producer import EventProducer
from streams.serving.read_side import ReadSide
from tests.oracle.validity import Event as Fields
from tests.oracle.views import Oracle
from tests.support.served_answers import Served
from tests.support.workers import prepare, skip_to_end

HOUR_MS, WEEK_MS = 3_600_000, 7 * 86_400_000
EVERYTHING = 1_000_000
"""More entries than any view of a test has."""


def own_views(stack: Settings, version: str, **changes: Any) -> Settings:
    """Views of a test's own that begin with what is published from now on.

    The version gets the time appended, so that a stack which runs on keeps nothing of an earlier
    run's people, who have the same ids.
    """
    own_version = f"{version}{time.time_ns() // 1_000_000_000}"
    own = stack.model_copy(
        update={
            "views_version": own_version,
            "lake": stack.home / f"lake-{own_version}",
            "lake_batch_wait_ms": 300,
            "batch_records": 200,
            "session_timeout_s": 10,
            "timeline_length": 40,
        }
        | changes
    )
    prepare(own)
    for agent in AGENTS:
        skip_to_end(own, agent)
    return own


def small_week(users: int, events: int) -> list[Event]:
    """A week that ends now, of users 1 to `users`, with odd events and 5 % duplicates."""
    seed = secrets.randbelow(1 << 32)
    print(f"seed {seed}")
    random.seed(seed)
    start = time.time_ns() // 1_000_000 - WEEK_MS
    plan = Plan(users=users, events=events, seed=seed, start=start, duration=WEEK_MS, oddities=0.05)
    return list(with_duplicates(Network(plan), 0.05, seed))


def publish(settings: Settings, events: Iterable[Event]) -> None:
    """Returns when the broker has acknowledged every event."""
    with EventProducer(settings.bootstrap, settings.registry_url, node=1) as log:
        for event in events:
            log.publish(event)


def flush_redis(settings: Settings) -> None:
    with redis.Redis(host=settings.redis_host, port=settings.ports.redis) as client:
        client.flushall()


def fields(event: Event) -> Fields:
    """An event as the oracle takes it."""
    named = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(event).items()
    }
    return {"type": type(event).__name__, **named}


def served(side: ReadSide) -> Served:
    return Served(side.views, caches=side.caches, page=50)


def read_every_feed(side: ReadSide, users: int) -> None:
    """Timelines are warm from here on."""
    for reader in range(1, users + 1):
        served(side).home_feed(reader)


def assert_feeds(side: ReadSide, oracle: Oracle, users: int) -> None:
    for reader in range(1, users + 1):
        right = oracle.home_feed(reader, limit=EVERYTHING)
        assert served(side).home_walk(reader) == right, reader
        # Surely warm now: from the stored timeline, and across its floor.
        assert served(side).home_feed(reader, limit=60) == right[:60], reader


def assert_other_views(side: ReadSide, oracle: Oracle, week: Sequence[Event], users: int) -> None:
    """Every view but the home feed, of everybody or of a sample."""
    told = served(side)
    events = [fields(event) for event in week]
    now = max(event["occurred_at"] for event in events)
    nows = (now, now - HOUR_MS, now - 30 * HOUR_MS, now + 12 * HOUR_MS, now + 24 * HOUR_MS)
    for user in range(1, users + 1):
        viewer = random.randint(1, users)
        assert told.graph(user) == oracle.graph(user)
        for who in (None, viewer):
            assert told.author_feed(user, who) == oracle.author_feed(user, who, limit=EVERYTHING)
            assert told.highlights(user, who) == oracle.highlights(user, who)
        for at in nows:
            assert told.tray(user, at) == oracle.tray(user, at), (user, at)
            assert told.stories(user, at, viewer) == oracle.stories(user, at, viewer)
            assert told.archive(user, at) == oracle.archive(user, at), (user, at)
    assert any(oracle.tray(user, now)["authors"] for user in range(1, users + 1))
    for tag in sorted({tag for event in events for tag in event.get("hashtags", ())})[:60]:
        assert told.hashtag_feed(tag) == oracle.hashtag_feed(tag, limit=EVERYTHING), tag
    for content in _sample(events, "content_id", 250) + _sample(events, "post_id", 100):
        assert told.counts(content) == oracle.counts(content), content
        assert told.thread(content) == oracle.thread(content), content
        assert told.commenters(content) == oracle.commenters(content), content
        assert told.likers_page(content) == oracle.likers_page(content), content
    for story in _sample(events, "story_id", 60):
        for user in range(1, users + 1, 7):
            assert told.viewers(story, user) == oracle.viewers(story, user), (story, user)


def _sample(events: Sequence[Fields], name: str, count: int) -> list[int]:
    found = sorted({event[name] for event in events if name in event})
    return random.sample(found, min(count, len(found)))
