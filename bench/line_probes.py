"""Probes for `line`: changes published once a second, and the time until readers see each.

Looking costs next to nothing: Redis reports when a watched key has changed, and only then is the
view read, as a reader would. The bronze table is not looked at while something is measured: the log
of its commits has the time of each.
"""

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import redis

from streams.app.settings import Settings
from streams.caching.formats import COUNTS, STORIES
from streams.contracts.bronze import bronze_table
from streams.contracts.catalog import topic_of
from streams.contracts.events import (
    ContentKind,
    ContentLiked,
    Event,
    PostCreated,
    StoryCreated,
)
from streams.contracts.ids import id_time
from streams.contracts.times import DAY_MS, now_ms
from streams.producer import Ack, EventProducer
from streams.serving import home_feed, tray
from streams.serving.read_side import ReadSide
from streams.sinks.redis.keys import Keys, pack, pull_set, row_cache_prefixes
from streams.views.counts import CountKind
from streams.views.timeline_limits import shard_of

PER_S: Final = 1
"""Probes of each view per second."""
BRONZE: Final = "bronze"
COUNTED: Final = "counts"
TRAY: Final = "tray"
_PAGE: Final = 20
_AGAIN_S: Final = 0.5
"""Views whose keys have not changed are read again after this time: a message may be lost."""
_CHANNEL: Final = b"__redis__:invalidate"


class Author(NamedTuple):
    """An author of probe posts and a follower, who is the last to be served in a shard."""

    author_id: int
    reader_id: int
    followers: int
    pulled: bool = False
    """Whether readers pull the posts, as they do those of a celebrity."""

    @property
    def view(self) -> str:
        """Name of the view that the reader sees the posts in."""
        return f"feed, {self.followers:,} followers{' (pulled)' if self.pulled else ''}"


class Story(NamedTuple):
    """An author of probe stories, and the only follower."""

    author_id: int
    reader_id: int


@dataclass(slots=True)
class Watched:
    """A view that changes once per second, and the changes that are not visible yet."""

    name: str
    key: bytes
    """Key in Redis that changes whenever the view does."""
    make: Callable[[], tuple[Event, int]]
    """Return the next event, and the mark by which the view shows it."""
    visible: Callable[[Collection[int]], Collection[int]]
    """Return those of some marks that a reader sees now."""
    waiting: dict[int, float] = field(default_factory=dict)
    """Mark -> time of its publication."""
    latencies: list[float] = field(default_factory=list)
    """Seconds from publication to visibility, of the probes that count."""
    counted: set[int] = field(default_factory=set)

    def look(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Read the view, and note which probes have become visible."""
        if self.waiting:
            shown = self.visible(self.waiting.keys())
            now = clock()
            for mark in shown:
                sent = self.waiting.pop(mark)
                if mark in self.counted:
                    self.latencies.append(now - sent)

    def give_up(self, now: float) -> int:
        """Count each probe that is not visible as visible now, and return their number."""
        lost = [self.waiting[mark] for mark in self.counted & self.waiting.keys()]
        self.latencies += [now - sent for sent in lost]
        self.waiting.clear()
        return len(lost)


class Prober:
    """Publisher of the probes of all views, evenly spread over each second."""

    def __init__(
        self, watched: Sequence[Watched], changes: "KeyChanges", producer: EventProducer
    ) -> None:
        self._watched = watched
        self._by_key = {view.key: view for view in watched}
        self._changes = changes
        self._producer = producer
        self._posts: list[tuple[float, Future[Ack]]] = []
        """Time of publication (seconds since the Unix epoch) of the posts that count."""

    def run(self, seconds: float, *, counting: bool) -> None:
        """Publish probes for some seconds and wait for what becomes visible.

        Args:
            seconds: Seconds to run; `0` publishes nothing.
            counting: Whether these probes count.
        """
        began = time.perf_counter()
        every = 1 / (PER_S * len(self._watched))
        for number in range(round(seconds / every)):
            self._wait_until(began + number * every)
            self._publish(self._watched[number % len(self._watched)], counting)
        self._wait_until(began + seconds)

    def wait(self, seconds: float) -> bool:
        """Wait for some seconds, or until all probes are visible, and return whether they are."""
        self._wait_until(time.perf_counter() + seconds, idle=True)
        return self._is_idle()

    def results(self, lake: Path) -> Iterator[tuple[str, Sequence[float]]]:
        """Yield each view with the seconds until its probes were visible, and forget them.

        The lake must have landed all posts.
        """
        now = time.perf_counter()
        for view in self._watched:
            view.give_up(now)
            yield view.name, view.latencies
            view.latencies, view.counted = [], set()
        landed = Commits(lake)
        yield BRONZE, [landed.time_of(ack.result()) - sent for sent, ack in self._posts]
        self._posts = []

    def _publish(self, view: Watched, counting: bool) -> None:
        event, mark = view.make()
        sent, at = time.perf_counter(), time.time()
        view.waiting[mark] = sent
        ack = self._producer.publish(event)
        if counting:
            view.counted.add(mark)
            if isinstance(event, PostCreated):
                self._posts.append((at, ack))

    def _wait_until(self, due: float, *, idle: bool = False) -> None:
        """Look at the views whose keys change, until `due` or until no probe is left."""
        while (left := due - time.perf_counter()) > 0 and not (idle and self._is_idle()):
            keys = self._changes.next(min(left, _AGAIN_S))
            for key in keys:
                if view := self._by_key.get(key):
                    view.look()
            oldest = time.perf_counter() - _AGAIN_S
            for view in self._watched:
                if view.waiting and next(iter(view.waiting.values())) < oldest and not keys:
                    view.look()

    def _is_idle(self) -> bool:
        return not any(view.waiting for view in self._watched)


class KeyChanges:
    """Keys of a Redis server as they change: what the server calls tracking, with broadcasts."""

    def __init__(self, settings: Settings, keys: Collection[bytes]) -> None:
        self._inbox, self._tracker = self._connected(settings), self._connected(settings)
        inbox = self._ask(self._inbox, "CLIENT", "ID")
        self._ask(self._inbox, "SUBSCRIBE", _CHANNEL)
        prefixes = [part for key in keys for part in ("PREFIX", key)]
        self._ask(self._tracker, "CLIENT", "TRACKING", "ON", "REDIRECT", inbox, "BCAST", *prefixes)

    def next(self, timeout_s: float) -> Sequence[bytes]:
        """Return the keys that have changed since the last call; wait for the first of them."""
        if not self._inbox.can_read(timeout_s):
            return ()
        _, _, keys = self._inbox.read_response()
        return keys or ()

    def close(self) -> None:
        self._tracker.disconnect()
        self._inbox.disconnect()

    @staticmethod
    def _connected(settings: Settings) -> Any:
        make: Any = redis.Connection  # which has no types
        connection = make(host=settings.redis_host, port=settings.ports.redis, protocol=2)
        connection.connect()
        return connection

    @staticmethod
    def _ask(connection: Any, *command: object) -> Any:
        connection.send_command(*command)
        return connection.read_response()


class Commits:
    """Commits of the bronze table of posts, and the last offsets that each has taken."""

    def __init__(self, lake: Path) -> None:
        self._topic = topic_of("PostCreated").name
        log = lake / bronze_table(self._topic).name / "_delta_log"
        self._commits = [
            (path.stat().st_mtime, transactions(path.read_text(encoding="utf-8")))
            for path in sorted(log.glob("*.json"))
        ]

    def time_of(self, ack: Ack) -> float:
        """Return the time (seconds since the Unix epoch) at which a record was in the table.

        Raises:
            LookupError: It is not.
        """
        name = f"storyline/{ack.topic}/{ack.partition}"
        for at, last in self._commits:
            if last.get(name, -1) >= ack.offset:
                return at
        raise LookupError(f"{ack} is not in the bronze table")


def transactions(commit: str) -> Mapping[str, int]:
    """Return the application transactions of a Delta commit: their names and versions."""
    actions = (json.loads(line) for line in commit.splitlines())
    return {one["txn"]["appId"]: one["txn"]["version"] for one in actions if "txn" in one}


@contextmanager
def probing(
    settings: Settings,
    side: ReadSide,
    producer: EventProducer,
    authors: Sequence[Author],
    story: Story,
) -> Iterator[Prober]:
    """Yield a prober of the feeds of all authors' followers, of counts and of a tray.

    Args:
        settings: Settings of the line.
        side: Read side of its views.
        producer: Producer of the probes.
        authors: Authors, each with a follower whose feed shows the posts.
        story: Author of stories with few stories so far, and the follower.
    """
    watched = [_feed(settings, side, producer, author) for author in authors]
    watched += [
        _counts(settings, side, producer, authors[0]),
        _tray(settings, side, producer, story),
    ]
    for view in watched:
        view.visible(())  # the timeline is warm, and the row cached, from here on
    changes = KeyChanges(settings, {view.key for view in watched})
    try:
        yield Prober(watched, changes, producer)
    finally:
        changes.close()


def post(producer: EventProducer, author: int) -> PostCreated:
    """Return a probe post of 90 characters with a tag."""
    post_id = producer.mint.next_id()
    return PostCreated(
        event_id=producer.mint.next_id(),
        occurred_at=id_time(post_id),
        author_id=author,
        post_id=post_id,
        text="so many words about so little " * 3,
        hashtags=("probe",),
    )


def _feed(settings: Settings, side: ReadSide, producer: EventProducer, author: Author) -> Watched:
    def make() -> tuple[Event, int]:
        event = post(producer, author.author_id)
        return event, event.post_id

    def visible(marks: Collection[int]) -> Collection[int]:
        limit = max(_PAGE, len(marks))
        page = home_feed(side.views, author.reader_id, limit=limit, caches=side.caches)
        return {shown.post_id for shown in page.posts}.intersection(marks)

    version = settings.views_version
    key = (
        pull_set(version)
        if author.pulled
        else Keys(version, settings.shards).timeline(author.reader_id)
    )
    return Watched(author.view, key, make, visible)


def _counts(settings: Settings, side: ReadSide, producer: EventProducer, author: Author) -> Watched:
    """Return the likes of the author's newest post."""
    page = home_feed(side.views, author.reader_id, limit=1, caches=side.caches)
    content = page.posts[0].post_id
    likes = side.views.rows.counts(CountKind.LIKES, [content])[content].number

    def make() -> tuple[Event, int]:
        nonlocal likes
        likes += 1
        event_id = producer.mint.next_id()
        liked = ContentLiked(
            event_id=event_id,
            occurred_at=id_time(event_id),
            user_id=event_id,  # a user without a like of it
            content_kind=ContentKind.POST,
            content_id=content,
            owner_id=author.author_id,
        )
        return liked, likes

    def visible(marks: Collection[int]) -> Collection[int]:
        number = side.views.rows.counts(CountKind.LIKES, [content])[content].number
        return [mark for mark in marks if mark <= number]

    key = _row_key(settings, COUNTS[CountKind.LIKES], content)
    return Watched(COUNTED, key, make, visible)


def _tray(settings: Settings, side: ReadSide, producer: EventProducer, story: Story) -> Watched:
    def make() -> tuple[Event, int]:
        story_id = producer.mint.next_id()
        created = StoryCreated(
            event_id=producer.mint.next_id(),
            occurred_at=id_time(story_id),
            author_id=story.author_id,
            story_id=story_id,
            media_url="https://media.example/probe.jpg",
            caption="a probe",
            expires_at=id_time(story_id) + DAY_MS,
        )
        return created, story_id

    def visible(marks: Collection[int]) -> Collection[int]:
        shown = tray(side.views.rows, story.reader_id, now_ms()).entries
        newest = max((entry.newest_story_id for entry in shown), default=0)
        return [mark for mark in marks if mark <= newest]

    return Watched(TRAY, _row_key(settings, STORIES, story.author_id), make, visible)


def _row_key(settings: Settings, letter: str, row_id: int) -> bytes:
    prefixes = row_cache_prefixes(settings.views_version, settings.copy_parts, letter)
    return prefixes[shard_of(row_id, len(prefixes))] + pack((row_id,))
