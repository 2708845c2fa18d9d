"""The demonstration's subjects, chosen from the events and the views, and its live records."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from streams.app.broker import event_producer, log_reader, schema_registry
from streams.app.settings import Settings
from streams.contracts.events import ContentLiked, Event, StoryCreated, UserFollowed
from streams.dlq.record_view import RecordView, decode_for_display
from streams.errors import UserError
from streams.serving import (
    NotFoundError,
    author_stories,
    counts,
    home_feed,
    story_viewers,
    tray,
)
from streams.serving.read_side import ReadSide
from streams.views.store import RowReader, Views

_READERS = 50
_MODEST = 40  # a feed of about as many authors as a person keeps up with
_LIVE_WITHIN_S = 30.0
_POLL_S = 0.005


@dataclass(slots=True)
class EventStats:
    """Statistics of events on their way to the log.

    `follows` counts follows per follower, `likes` likes per content; `last` is the latest event
    time in milliseconds since the Unix epoch.
    """

    follows: Counter[int] = field(default_factory=Counter)
    likes: Counter[int] = field(default_factory=Counter)
    stories: int = 0
    last: int = 0

    def watch(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the events unchanged, and count each as it passes."""
        for event in events:
            self.last = max(self.last, event.occurred_at)
            match event:
                case UserFollowed():
                    self.follows[event.follower_id] += 1
                case ContentLiked():
                    self.likes[event.content_id] += 1
                case StoryCreated():
                    self.stories += 1
                case _:
                    pass
            yield event


class DemoSubjects(NamedTuple):
    """Subjects of the demonstration: a reader, a followed author, a story and its owner, some
    content, and the instants `now`, when the tray is shown, and `later`, when its stories have
    expired."""

    reader: int
    author: int
    now: int
    later: int
    story: int | None
    owner: int | None
    content: int | None


def choose_subjects(side: ReadSide, stats: EventStats) -> DemoSubjects:
    """Choose a reader with a full feed and tray, the tray's most viewed story, and the most liked
    content that is live."""
    rows, now = side.views.rows, stats.last
    readers = [user for user, follows in stats.follows.most_common() if follows <= _MODEST]
    candidates = readers[:_READERS] or list(stats.follows)[:1]
    reader = max(
        candidates,
        key=lambda user: (bool(_visible(rows, user)), len(tray(rows, user, now).entries)),
    )
    stories = [
        story
        for entry in tray(rows, reader, now).entries
        for story in author_stories(rows, entry.author_id, now)
    ]
    seen = max(stories, key=lambda s: _viewers(side.views, s.story_id, s.author_id), default=None)
    return DemoSubjects(
        reader=reader,
        author=min(_visible(rows, reader)),
        now=now,
        later=max((story.expires_at for story in stories), default=now),
        story=seen.story_id if seen else None,
        owner=seen.author_id if seen else None,
        content=next((i for i, _ in stats.likes.most_common(50) if _is_live(rows, i)), None),
    )


def _visible(rows: RowReader, reader: int) -> frozenset[int]:
    """Return the followed users whose posts the reader sees."""
    relations = rows.relations(reader)
    return relations.following - relations.blocked - relations.muted


class EndToEndLatency(NamedTuple):
    """A published post's text and position, and the milliseconds from its publication until it
    was acknowledged and until it was visible."""

    text: str
    position: str
    acknowledged_ms: float
    visible_ms: float


def measure_latency(settings: Settings, side: ReadSide, subjects: DemoSubjects) -> EndToEndLatency:
    """Publish one post and read the follower's warm feed until the post is in it.

    Raises:
        UserError: the post is not in the feed within 30 seconds.
    """
    _first(side, subjects.reader)  # the timeline is warm from here on
    text = "Hello from just now"
    post = {"type": "PostCreated", "author_id": str(subjects.author), "text": text}
    with event_producer(settings) as producer:
        producer.publish({**post, "text": "A first one, to connect"}).result()
        began = time.perf_counter()
        ack = producer.publish(post)
        producer.flush()
        at = ack.result()
        acknowledged = time.perf_counter()
        while _first(side, subjects.reader) != text:
            if time.perf_counter() - began > _LIVE_WITHIN_S:
                raise UserError("the post did not arrive", hint="see the log: storyline logs posts")
            time.sleep(_POLL_S)
    visible = time.perf_counter()
    return EndToEndLatency(
        text=text,
        position=f"{at.topic}, partition {at.partition}, offset {at.offset}",
        acknowledged_ms=(acknowledged - began) * 1000,
        visible_ms=(visible - began) * 1000,
    )


def _first(side: ReadSide, reader: int) -> str:
    page = home_feed(side.views, reader, limit=1, caches=side.caches)
    return page.posts[0].text if page.posts else ""


def dead_letters(settings: Settings, topics: Iterable[str]) -> Iterator[RecordView]:
    """Yield every record of these dead letter topics."""
    registry = schema_registry(settings)
    for topic in topics:
        for records in log_reader(settings).read(topic, 0, follow=False):
            yield from decode_for_display(records, topic, registry.schema_text)


def _viewers(views: Views, story: int, owner: int) -> int:
    return len(story_viewers(views, story, as_user=owner, limit=1000).viewers)


def _is_live(rows: RowReader, content: int) -> bool:
    try:
        counts(rows, content)
    except NotFoundError:
        return False
    return True
