"""Real workers on real servers: killed, stopped, joined by another, given bad records."""

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from streams.app.broker import schema_registry
from streams.app.settings import Settings
from streams.app.stores import durable_views
from streams.app.workers.lag import lag_report
from streams.contracts.catalog import key_of, topic_of, topics
from streams.contracts.codec import encode
from streams.contracts.events import (
    CommentCreated,
    ContentKind,
    ContentLiked,
    ContentViewed,
    Event,
    PostCreated,
    StoryCreated,
    Surface,
    UserFollowed,
)
from streams.contracts.ids import SnowflakeGenerator, id_time
from streams.generate.malformed_records import KINDS, MalformedRecords
from streams.producer import EventProducer
from streams.sinks.cassandra.store import CassandraStore
from tests.support.workers import (
    WAIT_S,
    DeadLetterReader,
    append,
    committed,
    prepare,
    running_workers,
    skip_to_end,
    wait_for_commit,
    wait_for_lag_zero,
    wait_until,
    worker,
)

FIRST_USER = 7_300_000_000_000_000
"""This module's own range of users."""
CONTENTS, LIKES = 40, 24_000

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def settings(stack: Settings) -> Settings:
    """Views, groups and a keyspace of this module's own, in small batches."""
    own = stack.model_copy(
        update={"views_version": "v73", "batch_records": 200, "session_timeout_s": 10}
    )
    prepare(own)
    return own


@pytest.fixture
def views(settings: Settings) -> Iterator[CassandraStore]:
    with durable_views(settings) as store:
        yield store


Likers = dict[int, set[int]]
"""Content -> who likes it."""


class Liking:
    """Likes of CONTENTS posts by ever new users."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._users = itertools.count(FIRST_USER + time.time_ns() // 1_000_000 % 10**12)
        self.likers: Likers = {}

    def publish(self, count: int) -> None:
        with EventProducer(self._settings.bootstrap, self._settings.registry_url, node=73) as log:
            if not self.likers:
                self.likers = {log.mint.next_id(): set() for _ in range(CONTENTS)}
            for content in itertools.islice(itertools.cycle(self.likers), count):
                event_id, user = log.mint.next_id(), next(self._users)
                log.publish(
                    ContentLiked(
                        event_id=event_id,
                        occurred_at=id_time(event_id),
                        user_id=user,
                        content_kind=ContentKind.POST,
                        content_id=content,
                        owner_id=FIRST_USER,
                    )
                )
                self.likers[content].add(user)

    def arrived(self, views: CassandraStore) -> bool:
        return all(views.likers(content) == users for content, users in self.likers.items())


def test_a_worker_killed_in_mid_stream_loses_nothing(
    settings: Settings, views: CassandraStore
) -> None:
    skip_to_end(settings, "engagement")
    before = committed(settings, "engagement")
    liking = Liking(settings)
    liking.publish(LIKES)
    with worker(settings, "engagement") as killed:
        wait_for_commit(settings, "engagement", before)
        killed.kill()
    at_the_kill = committed(settings, "engagement") - before
    assert 0 < at_the_kill < LIKES
    with running_workers(settings, ["engagement"]) as workers:
        wait_for_lag_zero(settings, workers)
        tallies = {
            worker.topic: worker.counters
            for worker in lag_report(settings, ["engagement"]).counters
        }
        tally = tallies["social.likes.v1"]
        assert tally.balanced
        assert tally.consumed == LIKES - at_the_kill
    assert liking.arrived(views)


def test_a_worker_told_to_stop_commits_what_it_applied(settings: Settings) -> None:
    skip_to_end(settings, "engagement")
    before = committed(settings, "engagement")
    Liking(settings).publish(LIKES)
    with worker(settings, "engagement") as stopped:
        wait_for_commit(settings, "engagement", before)
        assert stopped.stop() == 0, stopped.text()
    stopped_at = committed(settings, "engagement") - before
    assert 0 < stopped_at < LIKES
    assert f"consumed={stopped_at}," in stopped.text()  # nothing applied is left uncommitted


def test_a_second_worker_of_a_group_takes_its_share_and_nothing_is_lost(
    settings: Settings, views: CassandraStore
) -> None:
    skip_to_end(settings, "engagement")
    liking = Liking(settings)
    with (
        worker(settings, "engagement") as first,
        running_workers(settings, ["engagement"]) as workers,
    ):

        def both_consume() -> bool:
            liking.publish(500)
            return (
                len({worker.pid for worker in lag_report(settings, ["engagement"]).counters}) == 2
            )

        wait_until(both_consume, what="both workers consuming")
        liking.publish(LIKES // 4)
        assert first.stop() == 0, first.text()
        wait_for_lag_zero(settings, workers)
    assert liking.arrived(views)


class Good:
    """Valid events of every topic, and whether the views have them."""

    def __init__(self, views: CassandraStore) -> None:
        self._views = views
        self._mint = SnowflakeGenerator(74)
        self.post = self._post()

    def _post(self) -> PostCreated:
        post_id = self._mint.next_id()
        return PostCreated(
            event_id=self._mint.next_id(),
            occurred_at=id_time(post_id),
            author_id=FIRST_USER + post_id % 1_000_000,
            post_id=post_id,
            text="good",
        )

    def of(self, topic: str) -> Event:
        """A new valid event of a topic."""
        new_id, event_id = self._mint.next_id(), self._mint.next_id()
        author, user = self.post.author_id, FIRST_USER + 1_000_000 + new_id % 1_000_000
        at: dict[str, Any] = {"event_id": event_id, "occurred_at": id_time(new_id)}
        about: dict[str, Any] = {
            "user_id": user,
            "content_kind": ContentKind.POST,
            "content_id": self.post.post_id,
            "owner_id": author,
        }
        events: dict[str, Callable[[], Event]] = {
            "social.posts.v1": self._post,
            "social.likes.v1": lambda: ContentLiked(**at, **about),
            "social.views.v1": lambda: ContentViewed(
                **at, **about, surface=Surface.FEED, dwell_ms=1
            ),
            "social.comments.v1": lambda: CommentCreated(
                **at, **about, comment_id=new_id, text="good"
            ),
            "social.follows.v1": lambda: UserFollowed(**at, follower_id=user, followee_id=author),
            "social.stories.v1": lambda: StoryCreated(
                **at,
                author_id=author,
                story_id=new_id,
                media_url="m",
                caption="good",
                expires_at=id_time(new_id) + 3_600_000,
            ),
        }
        return events[topic]()

    def arrived(self, event: Event) -> bool:
        views = self._views
        match event:
            case PostCreated(post_id=post):
                return post in views.posts([post])
            case ContentLiked(content_id=content, user_id=user):
                return user in views.likers(content)
            case ContentViewed(content_id=content, user_id=user):
                return user in views.viewers(content)
            case CommentCreated(comment_id=comment):
                return comment in views.comments([comment])
            case UserFollowed(follower_id=follower, followee_id=followee):
                return followee in views.relations(follower).following
            case StoryCreated(story_id=story):
                return story in views.stories([story])
        raise AssertionError(event)


def test_bad_records_are_buried_and_the_good_ones_behind_them_arrive(
    settings: Settings, views: CassandraStore
) -> None:
    """Every error code, from bytes that no producer of events would send."""
    agents = ("posts", "graph", "stories", "engagement")
    for agent in agents:
        skip_to_end(settings, agent)
    schema_id = schema_registry(settings).schema_id
    poisoner = MalformedRecords(
        lambda name: schema_id(topic_of(name).name, name), time.time_ns() // 1_000_000, node=75
    )
    good = Good(views)
    reader = DeadLetterReader(settings, list(topics()))
    sent, behind = {}, []

    def append_event(event: Event, partition: int = -1) -> None:
        name = type(event).__name__
        topic = topic_of(name).name
        fields = {topic_of(name).key: getattr(event, topic_of(name).key)}
        value = encode(event, schema_id(topic, name))
        append(settings, topic, key_of(name, fields), value, partition)

    append_event(good.post)
    for _ in KINDS:
        poison = poisoner.make(good.post)
        place = append(settings, poison.topic, poison.key, poison.value)
        sent[poison.topic, *place] = poison
        behind.append(good.of(poison.topic))
        append_event(behind[-1], place[0])
    with running_workers(settings, agents) as workers:
        letters = reader.read(len(sent))
        wait_for_lag_zero(settings, workers)
        tallies = [worker.counters for worker in lag_report(settings, agents).counters]
        assert all(tally.balanced for tally in tallies)
        assert sum(sum(tally.dead_letters.values()) for tally in tallies) == len(sent)
    reader.close()
    for letter in letters:
        headers = {name: (value or b"").decode() for name, value in letter.headers}
        topic = headers["__connect.errors.topic"]
        place = (
            int(headers["__connect.errors.partition"]),
            int(headers["__connect.errors.offset"]),
        )
        poison = sent.pop((topic, *place))
        assert letter.topic == f"{topic}.dlq"
        assert (letter.key, letter.value) == (poison.key, poison.value)
        assert headers["storyline.error.code"] == poison.code
        assert headers["storyline.consumer.group"].startswith("storyline-v73-")
    assert sent == {}
    for event in (good.post, *behind):
        assert good.arrived(event), event


def test_a_worker_says_what_is_missing_in_one_line(settings: Settings) -> None:
    for change, line in (
        ({"views_version": "v999"}, "Cassandra has no keyspace storyline_v999"),
        ({"ports": settings.ports.model_copy(update={"kafka": 9})}, "Kafka does not answer at"),
        ({"ports": settings.ports.model_copy(update={"cassandra": 9})}, "Cassandra does not"),
    ):
        with worker(settings.model_copy(update=change), "posts") as refused:
            assert refused.process.wait(WAIT_S) == 1
        assert line in refused.text()
        assert "Traceback" not in refused.text()
