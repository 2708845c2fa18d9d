"""From a producer to a reader through every server and worker, judged by the oracle.

The network is small and everything else is real: workers are killed, Redis is flushed and feeds
are read while events flow.
"""

import json
import os
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict

import pytest
import redis

from streams.agents.registry import AGENTS
from streams.app.lagging import standing
from streams.app.read_side import ReadSide, open_read_side
from streams.app.settings import Settings
from streams.app.stack import environment
from streams.app.wiring import progress
from streams.contracts.events import Event
from streams.contracts.ids import SnowflakeGenerator
from streams.generate.duplicates import with_duplicates
from streams.generate.network import Network
from streams.generate.world import Plan
from streams.producer import EventProducer
from tests.oracle import Oracle
from tests.served import Served
from tests.verdicts import Event as Fields
from tests.workers import (
    committed,
    prepare,
    running_workers,
    skip_to_end,
    wait_for_lag_zero,
    wait_until,
    worker,
)

pytestmark = pytest.mark.stack

HOUR_MS, WEEK_MS = 3_600_000, 7 * 86_400_000
USERS, EVENTS = 60, 9_000


def _own(stack: Settings, version: str) -> Settings:
    """Views of a test's own that begin with what is published from now on."""
    own = stack.model_copy(
        update={"views_version": version, "batch_records": 200, "timeline_length": 40}
    )
    prepare(own)
    for agent in AGENTS:
        skip_to_end(own, agent)
    return own


@pytest.fixture
def week() -> list[Event]:
    """A small week that ends now, with odd events and 5 % duplicates."""
    seed = secrets.randbelow(1 << 32)
    print(f"seed {seed}")
    random.seed(seed)
    start = time.time_ns() // 1_000_000 - WEEK_MS
    plan = Plan(users=USERS, events=EVENTS, seed=seed, start=start, duration=WEEK_MS, oddities=0.05)
    return list(with_duplicates(Network(plan), 0.05, seed))


def _publish(settings: Settings, events: list[Event]) -> None:
    with EventProducer(settings.bootstrap, settings.registry_url, node=1) as log:
        for event in events:
            log.publish(event)


def _flush_redis(settings: Settings) -> None:
    with redis.Redis(host=settings.redis_host, port=settings.ports.redis) as client:
        client.flushall()


def test_every_view_is_the_oracles_after_kills_and_a_flush(
    stack: Settings, week: list[Event]
) -> None:
    settings = _own(stack, "v81")
    before = {agent: committed(settings, agent) for agent in AGENTS}
    third = len(week) // 3
    _publish(settings, week[:third])
    with open_read_side(settings) as side:
        _killed_in_mid_stream(settings, before)
        with running_workers(settings) as workers:
            wait_for_lag_zero(settings, workers)
            _read_every_feed(side)  # timelines are warm from here on
            _publish(settings, week[third : 2 * third])
            _flush_redis(settings)
            _read_every_feed(side)
            _publish(settings, week[2 * third :])
            wait_for_lag_zero(settings, workers)
            oracle = Oracle(map(_fields, week))
            _assert_feeds(side, oracle)
            _flush_redis(settings)
            _assert_feeds(side, oracle)
            _assert_other_views(side, oracle, week)


def _killed_in_mid_stream(settings: Settings, before: Mapping[str, int]) -> None:
    """kill -9 of workers that have committed something, and not all."""
    for agent in ("posts", "graph", "engagement"):
        ends = _log_ends(settings, agent)
        with worker(settings, agent) as running:
            wait_until(lambda: committed(settings, agent) > before[agent], poll_s=0.01)  # noqa: B023
            running.kill()
        done = committed(settings, agent) - before[agent]
        assert 0 < done < ends - before[agent], agent


def _log_ends(settings: Settings, agent: str) -> int:
    group, topics = settings.group(agent), AGENTS[agent].topics
    return sum(lag.end for lag in progress(settings).lag({group: topics}))


def _read_every_feed(side: ReadSide) -> None:
    served = _served(side)
    for reader in range(1, USERS + 1):
        served.home_feed(reader)


def _assert_feeds(side: ReadSide, oracle: Oracle) -> None:
    served = _served(side)
    for reader in range(1, USERS + 1):
        right = oracle.home_feed(reader, limit=EVENTS)
        for warmth in ("cold or warm", "warm"):
            assert served.home_walk(reader) == right, (reader, warmth)


def _served(side: ReadSide) -> Served:
    return Served(side.views, timelines=side.timelines, page=20)


def _assert_other_views(side: ReadSide, oracle: Oracle, week: list[Event]) -> None:
    served = _served(side)
    fields = [_fields(event) for event in week]
    now = max(event["occurred_at"] for event in fields)
    nows = (now, now - HOUR_MS, now - 30 * HOUR_MS, now + 12 * HOUR_MS, now + 24 * HOUR_MS)
    for user in range(1, USERS + 1):
        viewer = random.randint(1, USERS)
        assert served.graph(user) == oracle.graph(user)
        for who in (None, viewer):
            assert served.author_feed(user, who) == oracle.author_feed(user, who, limit=EVENTS)
            assert served.highlights(user, who) == oracle.highlights(user, who)
        for at in nows:
            assert served.tray(user, at) == oracle.tray(user, at), (user, at)
            assert served.stories(user, at, viewer) == oracle.stories(user, at, viewer)
    assert any(oracle.tray(user, now)["authors"] for user in range(1, USERS + 1))
    for tag in sorted({tag for event in fields for tag in event.get("hashtags", ())})[:60]:
        assert served.hashtag_feed(tag) == oracle.hashtag_feed(tag, limit=EVENTS), tag
    for content in _sample(fields, "content_id", 250) + _sample(fields, "post_id", 100):
        assert served.counts(content) == oracle.counts(content), content
        assert served.thread(content) == oracle.thread(content), content
    for story in _sample(fields, "story_id", 60):
        for user in range(1, USERS + 1, 7):
            assert served.viewers(story, user) == oracle.viewers(story, user), (story, user)


def _sample(fields: list[Fields], name: str, count: int) -> list[int]:
    found = sorted({event[name] for event in fields if name in event})
    return random.sample(found, min(count, len(found)))


def _fields(event: Event) -> Fields:
    """An event as the oracle takes it."""
    fields = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(event).items()
    }
    return {"type": type(event).__name__, **fields}


def test_every_record_is_counted_once(stack: Settings, week: list[Event]) -> None:
    """consumed = applied + duplicates + dead letters, counted at four places, and all of it."""
    settings = _own(stack, "v82")
    sent = len(week[:4_000])
    with running_workers(settings) as workers:
        _publish(settings, week[:4_000])
        wait_for_lag_zero(settings, workers)
        told = [
            worker_tally.tally
            for worker_tally in standing(settings).tallies
            if not worker_tally.topic.startswith("storyline.")
        ]
    assert sum(tally.consumed for tally in told) == sent
    assert sum(tally.duplicates for tally in told) > 0
    for tally in told:
        dead = sum(tally.dead_letters.values())
        assert tally.consumed == tally.applied + tally.duplicates + dead


class _Shell:
    """The `storyline` command as a person runs it."""

    def __init__(self, settings: Settings) -> None:
        self._env = os.environ | environment(settings)

    def __call__(self, *args: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "streams.cli.main", *args],
            input=text,
            capture_output=True,
            text=True,
            env=self._env,
            timeout=120,
            check=False,
        )

    def json(self, *args: str) -> object:
        done = self(*args, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def people() -> list[int]:
    """Users whom no other test names."""
    mint = SnowflakeGenerator(81)
    return [mint.next_id() for _ in range(3)]


def test_from_publish_to_feed_on_the_command_line(stack: Settings, people: list[int]) -> None:
    settings = _own(stack, "v83")
    author, reader, stranger = map(str, people)
    shell = _Shell(settings)
    lines = [
        {"type": "UserFollowed", "follower_id": reader, "followee_id": author},
        {"type": "PostCreated", "author_id": author, "text": "hello", "hashtags": ["#Line"]},
        {"type": "PostCreated", "author_id": author},  # no text
        {"type": "StoryCreated", "author_id": author, "media_url": "m", "caption": "now"},
    ]
    with ExitStack() as stopping:
        workers = stopping.enter_context(running_workers(settings))
        done = shell("publish", "-", text="\n".join(map(json.dumps, lines)))
        assert done.returncode != 0  # one line was wrong, and said so
        assert "3" in done.stderr
        assert "text" in done.stderr
        wait_for_lag_zero(settings, workers)
        feed = shell.json("feed", reader)
        assert isinstance(feed, dict)
        assert [post["text"] for post in feed["posts"]] == ["hello"]
        assert feed["complete"] is True
        tagged = shell.json("hashtag", "LINE")
        assert isinstance(tagged, dict)
        assert tagged["posts"] == feed["posts"]
        tray = shell.json("tray", reader)
        assert isinstance(tray, dict)
        (entry,) = tray["entries"]
        assert (entry["author_id"], entry["unseen"]) == (author, 1)
        story = entry["newest_story_id"]
        later = str(time.time_ns() // 1_000_000 + 24 * HOUR_MS)
        gone = shell.json("tray", reader, "--now", later)
        assert isinstance(gone, dict)
        assert gone["entries"] == []
        assert shell.json("stories", author, "--now", later) == []
        refused = shell("viewers", story, "--as", stranger)
        assert refused.returncode == 3
        assert len(refused.stderr.splitlines()) == 1
        assert shell.json("viewers", story, "--as", author) == {"viewers": [], "next_after": None}
        text = shell("feed", reader).stdout
        assert "hello" in text
        unknown = shell("counts", "12345")
        assert unknown.returncode == 3
