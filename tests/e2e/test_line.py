"""From a producer to a reader through every server and worker, judged by the oracle.

The network is small and everything else is real: workers are killed, Redis is flushed and feeds
are read while events flow.
"""

import json
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from streams.agents.registry import AGENTS
from streams.app.read_side import open_read_side
from streams.app.settings import Settings
from streams.app.stores import progress
from streams.app.workers.lag import lag_report
from streams.contracts.events import Event, PostCreated
from streams.contracts.ids import SnowflakeGenerator, id_time
from streams.contracts.json_codec import from_json
from tests.oracle.views import Oracle
from tests.support.commands import storyline
from tests.support.imported import SAMPLES, answers
from tests.support.line import (
    EVERYTHING,
    HOUR_MS,
    assert_feeds,
    assert_other_views,
    fields,
    flush_redis,
    own_views,
    publish,
    read_every_feed,
    served,
    small_week,
)
from tests.support.workers import (
    committed,
    running_workers,
    wait_for_commit,
    wait_for_lag_zero,
    worker,
)

pytestmark = pytest.mark.stack

USERS, EVENTS = 60, 9_000
_MINT = SnowflakeGenerator(85)


@pytest.fixture
def week() -> list[Event]:
    return small_week(USERS, EVENTS)


def test_every_view_is_the_oracles_after_kills_and_a_flush(
    stack: Settings, week: list[Event]
) -> None:
    settings = own_views(stack, "v81")
    before = {agent: committed(settings, agent) for agent in AGENTS}
    third, piece = len(week) // 3, len(week) // 12
    publish(settings, week[: third - 3 * piece])
    with open_read_side(settings) as side:
        for nth, agent in enumerate(("posts", "graph", "engagement"), start=-3):
            more = week[third + nth * piece :][:piece]
            _kill_in_mid_stream(settings, agent, before[agent], more)
        with running_workers(settings) as workers:
            wait_for_lag_zero(settings, workers)
            read_every_feed(side, USERS)  # timelines are warm from here on
            publish(settings, week[third : 2 * third])
            flush_redis(settings)
            read_every_feed(side, USERS)
            publish(settings, week[2 * third :])
            wait_for_lag_zero(settings, workers)
            oracle = Oracle(map(fields, week))
            assert_feeds(side, oracle, USERS)
            flush_redis(settings)
            assert_feeds(side, oracle, USERS)
            assert_other_views(side, oracle, week, USERS)
            publish(
                settings, week[2 * third :]
            )  # the last days again: nothing twice, nothing revived
            wait_for_lag_zero(settings, workers)
            assert_feeds(side, oracle, USERS)
            assert_other_views(side, oracle, week, USERS)


def _kill_in_mid_stream(settings: Settings, agent: str, before: int, more: list[Event]) -> None:
    """kill -9 of a worker that has committed something, and cannot have committed all.

    The last events are acknowledged an instant before the kill: less than a batch waits.
    """
    with worker(settings, agent) as running:
        wait_for_commit(settings, agent, before)
        publish(settings, more)
        running.kill()
    done = committed(settings, agent) - before
    assert 0 < done < _log_ends(settings, agent) - before, agent


def _log_ends(settings: Settings, agent: str) -> int:
    group, topics = settings.group(agent), AGENTS[agent].topics
    return sum(lag.end for lag in progress(settings).lag({group: topics}))


def test_every_record_is_counted_once(stack: Settings, week: list[Event]) -> None:
    """consumed = applied + duplicates + dead letters, counted at four places, and all of it.

    Once by the groups that fold views, and once by the lake's.
    """
    settings = own_views(stack, "v82")
    sent = len(week[:4_000])
    with running_workers(settings) as workers:
        publish(settings, week[:4_000])
        wait_for_lag_zero(settings, workers)
        told = [
            worker_tally.counters
            for worker_tally in lag_report(settings).counters
            if not worker_tally.topic.startswith(("storyline.", "accounts."))
        ]
    assert sum(tally.consumed for tally in told) == 2 * sent
    assert sum(tally.duplicates for tally in told) > 0
    for tally in told:
        dead = sum(tally.dead_letters.values())
        assert tally.consumed == tally.applied + tally.duplicates + dead


class _Shell:
    """The `storyline` command as a person runs it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, *args: str, text: str = "") -> "subprocess.CompletedProcess[str]":
        return storyline(self._settings, *args, text=text)

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
    settings = own_views(stack, "v83")
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
        archived = shell.json("archive", author, "--now", later)
        assert isinstance(archived, dict)
        assert [one["story_id"] for one in archived["stories"]] == [story]
        assert shell.json("archive", author) == {"stories": [], "next_before": None}
        assert shell.json("commenters", story) == {"users": [], "next_after": None}
        refused = shell("viewers", story, "--as", stranger)
        assert refused.returncode == 3
        assert len(refused.stderr.splitlines()) == 1
        assert shell.json("viewers", story, "--as", author) == {"viewers": [], "next_after": None}
        text = shell("feed", reader).stdout
        assert "hello" in text
        unknown = shell("counts", "12345")
        assert unknown.returncode == 3


def test_writers_read_their_own_writes(stack: Settings, people: list[int]) -> None:
    """At once and in every view, where they say what they wrote; and no longer than is bearable."""
    settings = own_views(stack, "v84", read_wait_s=30)
    author, reader, _ = map(str, people)
    shell = _Shell(settings)

    def published(**event: object) -> list[str]:
        done = shell("publish", "-", "--json", text=json.dumps(event))
        assert done.returncode == 0, done.stderr
        positions = [place["position"] for place in json.loads(done.stdout)["positions"]]
        assert len(positions) == 1
        return ["--wait-for", positions[0]]

    with running_workers(settings):
        follow = published(type="UserFollowed", follower_id=reader, followee_id=author)
        assert _view(shell, "graph", author, *follow)["followers"] == [reader]
        for text in ("one", "two", "three"):
            post = published(type="PostCreated", author_id=author, text=text)
            for user in (author, reader):
                assert _view(shell, "feed", user, *post)["posts"][0]["text"] == text
        (content,) = (post["post_id"] for post in _view(shell, "feed", reader)["posts"][:1])
        like = published(
            type="ContentLiked",
            user_id=reader,
            content_kind="POST",
            content_id=content,
            owner_id=author,
        )
        assert _view(shell, "counts", content, *like)["likes"] == 1
        nowhere = shell("feed", reader, "--wait-for", "social.posts.v1:0:999999999")
        assert nowhere.returncode == 2
        assert "no record social.posts.v1:0:999999999" in nowhere.stderr
    late = published(type="PostCreated", author_id=author, text="nobody works")
    hasty = _Shell(settings.model_copy(update={"read_wait_s": 0.2}))
    waited = hasty("feed", reader, *late)
    assert waited.returncode == 1
    assert "consumer group posts is" in waited.stderr
    assert _view(shell, "graph", author, *follow)["followers"] == [reader]


def test_loaded_data_of_other_networks_is_served_as_the_oracle_folds_it(
    stack: Settings, tmp_path: Path
) -> None:
    """An edge list, lines of Jetstream and outboxes, each loaded twice, the first time in part."""
    settings = own_views(stack, "v85")
    shell = _Shell(settings)
    lines, folder = str(SAMPLES / "jetstream.jsonl"), str(SAMPLES / "archive")
    loads = (
        # These users are in no other test's log.
        ("edges", str(SAMPLES / "edges.txt"), "--offset=7000000000001"),
        ("jetstream", lines, f"--mapping={tmp_path / 'bluesky'}"),
        ("activitypub", folder, f"--mapping={tmp_path / 'fediverse'}"),
    )
    events = [event for load in loads for event in _written(shell, *load)]
    readers = _users(events)
    posts = [_post(reader) for reader in readers]
    events += map(fields, posts)
    oracle = Oracle(events)
    with running_workers(settings, ("graph", "posts", "delivery", "engagement")) as workers:
        shell.json("load", *loads[0], "--limit=8", "--publish")
        shell.json("load", *loads[1], "--limit=6", "--publish")
        wait_for_lag_zero(settings, workers)
        with open_read_side(settings) as side:
            for reader in readers:
                served(side).home_feed(reader)  # timelines are warm from here on
            for load in loads * 2:
                shell.json("load", *load, "--publish")
            publish(settings, posts)
            wait_for_lag_zero(settings, workers)
            assert answers(served(side), events) == answers(oracle, events)
        verified = shell.json("verify", "--readers", ",".join(map(str, readers)))
    assert isinstance(verified, dict)
    assert (verified["proved"], verified["equal"]) == (True, len(readers))
    feeds = [oracle.home_feed(reader, limit=EVERYTHING) for reader in readers]
    assert sum(map(len, feeds)) > len(readers), "they must show more than the readers' own posts"


def _written(shell: _Shell, *load: str) -> list[dict[str, Any]]:
    """Return the events that a load writes if it is not to publish them, for the oracle."""
    done = shell("load", *load)
    assert done.returncode == 0, done.stderr
    return [fields(from_json(json.loads(line))) for line in done.stdout.splitlines()]


def _users(events: list[dict[str, Any]]) -> list[int]:
    """Return the users who act in the events."""
    acts = ("author_id", "user_id", "follower_id")
    return sorted({event[name] for event in events for name in acts if name in event})


def _post(author: int) -> PostCreated:
    """Return a post of now, so that what was loaded decides who sees it."""
    post_id = _MINT.next_id()
    return PostCreated(
        event_id=_MINT.next_id(),
        occurred_at=id_time(post_id),
        author_id=author,
        post_id=post_id,
        text=f"by {author}",
    )


def _view(shell: _Shell, *args: str) -> dict[str, Any]:
    answer = shell.json(*args)
    assert isinstance(answer, dict)
    return answer
