"""Records that no consumer can apply, one for each reason of the dead letter queue.

They are raw bytes, because a producer of events refuses to make them.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from streams.contracts.batch import ErrorCode
from streams.contracts.catalog import key_of, topic_of
from streams.contracts.codec import encode
from streams.contracts.events import (
    CommentCreated,
    ContentKind,
    ContentLiked,
    ContentViewed,
    Event,
    PostCreated,
    Surface,
    UserFollowed,
)
from streams.contracts.ids import make_id
from streams.contracts.times import DAY_MS

SchemaIds = Callable[[str], int]
"""Record type -> the registry's id of its schema."""

_UNUSED_SCHEMA = 2**31 - 1


class MalformedRecord(NamedTuple):
    """A record to send as it is, and the verdict to expect."""

    topic: str
    key: bytes | None
    value: bytes | None
    code: ErrorCode


class MalformedRecords:
    """Maker of bad records out of a good post that the stream already contains.

    `now_ms` is the wall clock, by which an event is in the future (ms since the Unix epoch); ids
    are of snowflake node `node`.
    """

    def __init__(self, schema_ids: SchemaIds, now_ms: int, node: int) -> None:
        self._schema_ids = schema_ids
        self._now_ms = now_ms
        self._node = node
        self._made = 0

    def make(self, after: PostCreated) -> MalformedRecord:
        """Return the next bad record; successive ones go through KINDS in turn."""
        kind = KINDS[self._made % len(KINDS)]
        self._made += 1
        return kind(self, after)

    def not_avro(self, after: PostCreated) -> MalformedRecord:
        key, _ = self._encoded(after)
        return MalformedRecord(_topic(after), key, b'{"type": "PostCreated"}', ErrorCode.BAD_FRAME)

    def null(self, after: PostCreated) -> MalformedRecord:
        key, _ = self._encoded(after)
        return MalformedRecord(_topic(after), key, None, ErrorCode.BAD_FRAME)

    def unknown_schema(self, after: PostCreated) -> MalformedRecord:
        key, value = self._encoded(self._like(after))
        value = b"\0" + _UNUSED_SCHEMA.to_bytes(4, "big") + value[5:]
        return MalformedRecord(_topic(self._like(after)), key, value, ErrorCode.UNKNOWN_SCHEMA)

    def truncated(self, after: PostCreated) -> MalformedRecord:
        comment = CommentCreated(
            event_id=self._id(after.occurred_at, 1),
            occurred_at=after.occurred_at,
            user_id=after.author_id,
            comment_id=self._id(after.occurred_at, 2),
            content_kind=ContentKind.POST,
            content_id=after.post_id,
            owner_id=after.author_id,
            text="This comment was cut off in the midd",
        )
        key, value = self._encoded(comment)
        return MalformedRecord(_topic(comment), key, value[:-20], ErrorCode.DECODE_ERROR)

    def follow_of_oneself(self, after: PostCreated) -> MalformedRecord:
        follow = UserFollowed(
            event_id=self._id(after.occurred_at, 1),
            occurred_at=after.occurred_at,
            follower_id=after.author_id,
            followee_id=after.author_id,
        )
        return MalformedRecord(_topic(follow), *self._encoded(follow), ErrorCode.INVALID_EVENT)

    def wrong_key(self, after: PostCreated) -> MalformedRecord:
        like = self._like(after)
        _, value = self._encoded(like)
        return MalformedRecord(_topic(like), b"1", value, ErrorCode.INVALID_EVENT)

    def tomorrow(self, after: PostCreated) -> MalformedRecord:
        at_ms = self._now_ms + DAY_MS
        post = replace(
            after, event_id=self._id(at_ms, 1), occurred_at=at_ms, post_id=self._id(at_ms, 2)
        )
        return MalformedRecord(_topic(post), *self._encoded(post), ErrorCode.FUTURE_EVENT)

    def late_view(self, after: PostCreated) -> MalformedRecord:
        view = ContentViewed(
            event_id=self._id(after.occurred_at, 1),
            occurred_at=after.occurred_at,
            user_id=after.author_id + 1,
            content_kind=ContentKind.STORY,
            content_id=self._id(after.occurred_at - DAY_MS, 2),
            owner_id=after.author_id,
            surface=Surface.STORY_TRAY,
            dwell_ms=900,
        )
        return MalformedRecord(_topic(view), *self._encoded(view), ErrorCode.EXPIRED_VIEW)

    def like_among_stories(self, after: PostCreated) -> MalformedRecord:
        key, value = self._encoded(self._like(after))
        return MalformedRecord(topic_of("StoryCreated").name, key, value, ErrorCode.UNKNOWN_TYPE)

    def second_create(self, after: PostCreated) -> MalformedRecord:
        post = replace(after, event_id=self._id(after.occurred_at + 1, 1), text="I was here first.")
        return MalformedRecord(_topic(post), *self._encoded(post), ErrorCode.ID_CONFLICT)

    def _like(self, after: PostCreated) -> ContentLiked:
        return ContentLiked(
            event_id=self._id(after.occurred_at, 1),
            occurred_at=after.occurred_at,
            user_id=after.author_id + 1,
            content_kind=ContentKind.POST,
            content_id=after.post_id,
            owner_id=after.author_id,
        )

    def _id(self, at_ms: int, role: int) -> int:
        return make_id(at_ms, self._node, self._made * 4 % 4096 + role)

    def _encoded(self, event: Event) -> tuple[bytes, bytes]:
        name = type(event).__name__
        field = topic_of(name).key
        key = key_of(name, {field: getattr(event, field)})
        return key, encode(event, self._schema_ids(name))


KINDS: tuple[Callable[[MalformedRecords, PostCreated], MalformedRecord], ...] = (
    MalformedRecords.not_avro,
    MalformedRecords.unknown_schema,
    MalformedRecords.truncated,
    MalformedRecords.follow_of_oneself,
    MalformedRecords.tomorrow,
    MalformedRecords.late_view,
    MalformedRecords.like_among_stories,
    MalformedRecords.second_create,
    MalformedRecords.null,
    MalformedRecords.wrong_key,
)


def _topic(event: Event) -> str:
    return topic_of(type(event).__name__).name
