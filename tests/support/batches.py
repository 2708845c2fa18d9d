"""Events as dicts -> decoded batches, as decoding would yield them, without going through Avro.

And records as fetches would bring them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa

from streams.contracts.batch import (
    APPEND_TIME,
    OFFSET,
    PARTITION,
    POSITION_FIELDS,
    SCHEMA_ID,
    Batch,
)
from streams.record import Record
from streams.runtime.consumer.raw_batch import RawBatch
from tests.oracle.validity import Event

_ID = pa.int64()
_TAGS = pa.list_(pa.string())
_CREATED = {"author_id": _ID, "post_id": _ID, "text": pa.string(), "hashtags": _TAGS}
_ABOUT = {"user_id": _ID, "content_kind": pa.string(), "content_id": _ID, "owner_id": _ID}
_FOLLOW = {"follower_id": _ID, "followee_id": _ID}
_ACT = {"user_id": _ID, "target_id": _ID}
_STORY = {"author_id": _ID, "story_id": _ID}
_LINKS = dict.fromkeys(("reply_to", "reply_to_author", "repost_of", "repost_of_author"), _ID)

TOPICS: dict[str, dict[str, dict[str, pa.DataType]]] = {
    "social.posts.v1": {
        "PostCreated": _CREATED | {"media": _TAGS} | _LINKS,
        "PostEdited": _CREATED | {"media": _TAGS},
        "PostDeleted": {"author_id": _ID, "post_id": _ID},
    },
    "social.stories.v1": {
        "StoryCreated": _STORY
        | {"media_url": pa.string(), "caption": pa.string(), "expires_at": pa.int64()},
        "StoryDeleted": _STORY,
        "StoryExpired": _STORY,
        "HighlightAdded": _STORY | {"title": pa.string()},
        "HighlightRemoved": _STORY,
    },
    "social.follows.v1": {"UserFollowed": _FOLLOW, "UserUnfollowed": _FOLLOW},
    "social.blocks.v1": dict.fromkeys(
        ("UserBlocked", "UserUnblocked", "UserMuted", "UserUnmuted"), _ACT
    ),
    "social.likes.v1": {"ContentLiked": _ABOUT, "ContentUnliked": _ABOUT},
    "social.views.v1": {"ContentViewed": _ABOUT | {"surface": pa.string(), "dwell_ms": pa.int64()}},
    "social.comments.v1": {
        "CommentCreated": {
            "user_id": _ID,
            "comment_id": _ID,
            "content_kind": pa.string(),
            "content_id": _ID,
            "owner_id": _ID,
            "text": pa.string(),
            "reply_to": _ID,
        },
        "CommentDeleted": {"user_id": _ID, "comment_id": _ID, "content_id": _ID},
    },
    "social.tiers.v1": {
        "AuthorTierChanged": {
            "author_id": _ID,
            "tier": pa.string(),
            "previous_tier": pa.string(),
            "followers": _ID,
            "posts_per_hour": pa.float64(),
        },
    },
}
_TOPIC_OF = {kind: topic for topic, kinds in TOPICS.items() for kind in kinds}


def batches(events: Iterable[Event], *, offset: int = 0, append_time: int = 0) -> list[Batch]:
    """One batch per topic, rows in the order given; positions count up from `offset`."""
    rows: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for n, event in enumerate(events, offset):
        kind = event["type"]
        position = {PARTITION: 0, OFFSET: n, APPEND_TIME: append_time, SCHEMA_ID: 1}
        rows[_TOPIC_OF[kind]][kind].append(event | position)
    return [
        Batch(topic, {kind: _columns(topic, kind, found) for kind, found in kinds.items()})
        for topic, kinds in rows.items()
    ]


def _columns(topic: str, kind: str, rows: list[dict[str, Any]]) -> pa.RecordBatch:
    fields = {"event_id": _ID, "occurred_at": pa.int64()} | TOPICS[topic][kind]
    schema = pa.schema(
        [*(pa.field(name, dtype) for name, dtype in fields.items()), *POSITION_FIELDS]
    )
    return pa.RecordBatch.from_pylist(rows, schema=schema)


def raw_batches(records: Sequence[Record]) -> list[RawBatch]:
    """The records as fetches would bring them: a batch of each run of one partition."""
    return [
        RawBatch(topic, partition, *zip(*(record[2:] for record in run), strict=True))
        for (topic, partition), run in groupby(records, lambda record: record[:2])
    ]
