"""The lake agent on a real broker: killed, stopped, paused; every record lands once."""

import itertools
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.agents.registry import AGENTS
from streams.app.broker import schema_registry
from streams.app.settings import Settings
from streams.app.stores import progress
from streams.app.workers.lag import lag_report
from streams.contracts.batch import ErrorCode
from streams.contracts.catalog import topic_of
from streams.contracts.events import (
    AuthorTierChanged,
    CommentCreated,
    ContentKind,
    ContentLiked,
    ContentViewed,
    Event,
    PostCreated,
    StoryCreated,
    Surface,
    Tier,
    UserBlocked,
    UserFollowed,
)
from streams.contracts.ids import id_time
from streams.generate.malformed_records import KINDS, MalformedRecords
from streams.kafka.consumer_groups import PartitionLag
from streams.kafka.topics import Topics
from streams.producer import EventProducer
from tests.support.landed import Place, commits, lake_places, log_places, quarantined
from tests.support.workers import append, running_workers, skip_to_end, wait_until, worker

USER = 7_400_000_000_000_000
"""This module's own range of users."""
SEED = random.randrange(10**6)
KILLS = 5
TOPICS = AGENTS["lake"].topics
GROUPS = itertools.count(740 + time.time_ns() // 1_000_000_000 % 10**6 * 1000)

pytestmark = pytest.mark.stack


@pytest.fixture
def settings(stack: Settings, tmp_path: Path) -> Settings:
    """A lake and a group of the test's own, in small batches, from the end of the log on."""
    Topics(stack.bootstrap).apply()
    list(schema_registry(stack).register())
    own = stack.model_copy(
        update={
            "lake": tmp_path / "lake",
            "lake_batch_records": 100,
            "lake_batch_wait_ms": 40,
            "session_timeout_s": 6,
            "views_version": f"v{next(GROUPS)}",
        }
    )
    skip_to_end(own, "lake")
    return own


def spans(settings: Settings) -> list[PartitionLag]:
    """From the group's commit to the end of the log."""
    return progress(settings).lag({settings.group("lake"): TOPICS})


def successor(settings: Settings) -> Settings:
    """Another group that begins at this one's commits: none waits for a killed member's session."""
    own = settings.model_copy(update={"views_version": f"v{next(GROUPS)}"})
    offsets = [TopicPartition(at.topic, at.partition, at.committed or 0) for at in spans(settings)]
    admin = AdminClient({"bootstrap.servers": settings.bootstrap, "log_level": 0})
    wanted = ConsumerGroupTopicPartitions(own.group("lake"), offsets)
    for answer in admin.alter_consumer_group_offsets([wanted]).values():
        answer.result(30)
    return own


class Feed:
    """Events of every topic, and bad records among them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = EventProducer(settings.bootstrap, settings.registry_url, node=74)
        schema_id = schema_registry(settings).schema_id
        self._poisoner = MalformedRecords(
            lambda name: schema_id(topic_of(name).name, name), time.time_ns() // 1_000_000, node=75
        )
        self.poisoned: dict[Place, ErrorCode] = {}

    def publish(self, rounds: int) -> None:
        """In each round one event of every topic; a bad record behind every tenth."""
        for number in range(rounds):
            post = self._post()
            events: list[Event] = [post, *self._about(post)]
            for answer in [self._log.publish(event) for event in events]:
                answer.result(30)
            if number % 10 == 0:
                poison = self._poisoner.make(post)
                place = append(self._settings, poison.topic, poison.key, poison.value)
                if poison.code is not ErrorCode.ID_CONFLICT:  # a record like any other here
                    self.poisoned[poison.topic, *place] = poison.code

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Publish beside what the block does."""
        ending = threading.Event()

        def flow() -> None:
            while not ending.is_set():
                self.publish(10)

        flowing = threading.Thread(target=flow)
        flowing.start()
        try:
            yield
        finally:
            ending.set()
            flowing.join()

    def close(self) -> None:
        self._log.close()

    def _post(self) -> PostCreated:
        post_id = self._log.mint.next_id()
        return PostCreated(
            event_id=self._log.mint.next_id(),
            occurred_at=id_time(post_id),
            author_id=USER + 1,
            post_id=post_id,
            text="hello",
            hashtags=("a", "b"),
        )

    def _about(self, post: PostCreated) -> list[Event]:
        ids = [self._log.mint.next_id() for _ in range(9)]
        at: list[dict[str, Any]] = [{"event_id": id_, "occurred_at": id_time(id_)} for id_ in ids]
        content: dict[str, Any] = {
            "content_kind": ContentKind.POST,
            "content_id": post.post_id,
            "owner_id": USER,
        }
        other = USER + random.Random(post.post_id).randrange(10**6)
        return [
            ContentLiked(**at[0], user_id=other, **content),
            ContentViewed(**at[1], user_id=other, **content, surface=Surface.FEED, dwell_ms=9),
            CommentCreated(
                event_id=ids[2],
                occurred_at=id_time(ids[3]),
                user_id=other,
                comment_id=ids[3],
                text="so do I",
                **content,
            ),
            UserFollowed(**at[4], follower_id=other, followee_id=USER + 10**7),
            UserBlocked(**at[5], user_id=other, target_id=USER + 10**7),
            StoryCreated(
                event_id=ids[6],
                occurred_at=id_time(ids[7]),
                author_id=other,
                story_id=ids[7],
                media_url="https://example.org/1",
                caption="",
                expires_at=id_time(ids[7]) + 1000,
            ),
            AuthorTierChanged(
                **at[8],
                author_id=other,
                tier=Tier.CELEBRITY,
                previous_tier=Tier.REGULAR,
                followers=3,
                posts_per_hour=0.5,
            ),
        ]


@pytest.fixture
def feed(settings: Settings) -> Iterator[Feed]:
    made = Feed(settings)
    yield made
    made.close()


def has_reached(settings: Settings, goal: list[PartitionLag]) -> bool:
    ends = {(span.topic, span.partition): span.end for span in goal}
    return all((at.committed or 0) >= ends[at.topic, at.partition] for at in spans(settings))


def check(settings: Settings, feed: Feed, everything: list[PartitionLag]) -> None:
    """The lake holds each record of these spans once, and no bad one among the good."""
    expected, found = log_places(settings, everything), lake_places(settings.lake_path)
    ends = {(span.topic, span.partition): span.end for span in everything}
    within = {place: times for place, times in found.items() if place[2] < ends[place[:2]]}
    assert within == expected, f"seed {SEED}"
    aside = quarantined(settings.lake_path)
    assert {place: aside.get(place) for place in feed.poisoned} == feed.poisoned


def test_kill_9_at_any_point_neither_loses_nor_repeats_a_record(
    settings: Settings, feed: Feed
) -> None:
    chance = random.Random(SEED)
    print(f"seed {SEED}")
    begin, now = spans(settings), settings
    with feed.flowing():
        for _ in range(KILLS):
            with worker(now, "lake") as killed:
                goal = commits(settings.lake_path) + chance.randint(1, 30)
                wait_until(lambda goal=goal: commits(settings.lake_path) >= goal, poll_s=0.002)  # type: ignore[misc]
                time.sleep(chance.random() * 0.05)  # any point of a batch
                killed.kill()
            now = successor(now)
    with worker(now, "lake") as killed:
        wait_until(lambda: "working" in killed.text())
        killed.kill()
    feed.publish(len(KINDS) * 10)
    end = spans(settings)
    with running_workers(now, ["lake"]):
        wait_until(lambda: has_reached(now, end), what="the end of the log")
        tallies = [worker.counters for worker in lag_report(now, ["lake"]).counters]
        assert sum(tally.consumed for tally in tallies) > 0
    everything = [first._replace(end=last.end) for first, last in zip(begin, end, strict=True)]
    check(settings, feed, everything)


def test_a_worker_told_to_stop_leaves_nothing_behind_its_commit(
    settings: Settings, feed: Feed
) -> None:
    begin = spans(settings)
    feed.publish(60)
    with worker(settings, "lake") as stopped:
        more(settings, 5, what="commits")
        assert stopped.stop() == 0, stopped.text()
    committed = [
        first._replace(end=last.committed or 0)
        for first, last in zip(begin, spans(settings), strict=True)
    ]
    assert lake_places(settings.lake_path) == log_places(settings, committed)


def more(settings: Settings, count: int, what: str) -> None:
    """Wait for so many more commits."""
    goal = commits(settings.lake_path) + count
    wait_until(lambda: commits(settings.lake_path) >= goal, poll_s=0.01, what=what)


def test_a_paused_owner_that_wakes_up_writes_nothing_twice(settings: Settings, feed: Feed) -> None:
    begin = spans(settings)
    with worker(settings, "lake") as paused:
        with feed.flowing():
            more(settings, 20, what="commits")
            paused.process.send_signal(signal.SIGSTOP)
            with worker(settings, "lake") as successor_of_it:
                more(settings, 20, what="its successor's commits")
                paused.process.send_signal(signal.SIGCONT)
                more(settings, 20, what="commits of both")
                assert successor_of_it.stop() == 0, successor_of_it.text()
        feed.publish(10)
        end = spans(settings)
        wait_until(lambda: has_reached(settings, end), what="the end of the log")
        assert paused.stop() == 0, paused.text()
    everything = [first._replace(end=last.end) for first, last in zip(begin, end, strict=True)]
    check(settings, feed, everything)


def test_commits_that_the_lake_lost_are_read_again(settings: Settings, feed: Feed) -> None:
    """As after a power failure: Kafka's commits lie beyond what the tables hold."""
    begin = spans(settings)
    feed.publish(40)
    end = spans(settings)
    with running_workers(settings, ["lake"]):
        wait_until(lambda: has_reached(settings, end), what="the end of the log")
    everything = [first._replace(end=last.end) for first, last in zip(begin, end, strict=True)]
    expected = log_places(settings, everything)
    for table in settings.lake_path.glob("bronze_*"):
        last = max(table.glob("_delta_log/*.json"))
        if "append_date=" in last.read_text():
            last.unlink()
    before = lake_places(settings.lake_path)
    assert before != expected
    assert before <= expected
    with running_workers(settings, ["lake"]):
        wait_until(lambda: lake_places(settings.lake_path) >= expected, what="what was lost")
    check(settings, feed, everything)
