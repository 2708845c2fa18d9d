"""Bronze rows of posts, likes, views and comments -> candidates for fact_engagement.

Every bronze row stays one row, also one that makes no fact (its `event_type` is null), so that rows
can be counted. Two creates of one post or comment id compete: see `deduplication`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql.functions import coalesce, col, lit, to_date, when

FIELDS: Final = (
    *("surface", "content_kind", "content_id", "created_id"),
    *("actor_id", "owner_id", "dwell_ms"),
)
"""Columns of an engagement, besides its event id, time and type."""

POST: Final = "post"
COMMENT: Final = "comment"
EVENT: Final = "event"

_TYPES: Final = {
    "surface": "string",
    "content_kind": "string",
    "dwell_ms": "bigint",
    "event_type": "string",
    "made": "string",
}


def from_posts(bronze: DataFrame) -> DataFrame:
    """Return a candidate per event. A repost is a fact; a plain post is not, but may own a repost's
    id."""
    creates = col("record_type") == "PostCreated"
    return _candidates(
        bronze,
        event_type=when(creates & col("repost_of").isNotNull(), "repost"),
        made=when(creates, POST),
        created_id=when(creates, col("post_id")),
        content_kind=lit("POST"),
        content_id=col("repost_of"),
        actor_id=col("author_id"),
        owner_id=col("repost_of_author"),
    )


def from_likes(bronze: DataFrame) -> DataFrame:
    """Return a candidate per like or unlike."""
    return _candidates(
        bronze,
        event_type=when(col("record_type") == "ContentLiked", "like").when(
            col("record_type") == "ContentUnliked", "unlike"
        ),
        content_kind=col("content_kind"),
        content_id=col("content_id"),
        actor_id=col("user_id"),
        owner_id=col("owner_id"),
    )


def from_views(bronze: DataFrame) -> DataFrame:
    """Return a candidate per view."""
    return _candidates(
        bronze,
        event_type=when(col("record_type") == "ContentViewed", "view"),
        surface=col("surface"),
        dwell_ms=col("dwell_ms"),
        content_kind=col("content_kind"),
        content_id=col("content_id"),
        actor_id=col("user_id"),
        owner_id=col("owner_id"),
    )


def from_comments(bronze: DataFrame) -> DataFrame:
    """Return a candidate per event. A comment on a story is a reply; a deletion is no fact."""
    creates = col("record_type") == "CommentCreated"
    on_story = col("content_kind") == "STORY"
    return _candidates(
        bronze,
        event_type=when(creates & on_story, "story_reply").when(creates, "comment"),
        made=when(creates, COMMENT),
        created_id=when(creates, col("comment_id")),
        content_kind=col("content_kind"),
        content_id=col("content_id"),
        actor_id=col("user_id"),
        owner_id=col("owner_id"),
    )


SOURCES: Final[Mapping[str, Callable[[DataFrame], DataFrame]]] = MappingProxyType(
    {
        "bronze_posts": from_posts,
        "bronze_likes": from_likes,
        "bronze_views": from_views,
        "bronze_comments": from_comments,
    }
)
"""Bronze table -> function that makes candidates of its rows."""


def made_by(event_type: Column) -> Column:
    """Return the kind of object that a fact's event made."""
    return (
        when(event_type == "repost", POST)
        .when(event_type.isin("comment", "story_reply"), COMMENT)
        .otherwise(EVENT)
    )


def _candidates(bronze: DataFrame, **values: Column) -> DataFrame:
    named = {name: values.get(name, lit(None)) for name in ("event_type", "made", *FIELDS)}
    typed = {name: value.cast(_TYPES.get(name, "bigint")) for name, value in named.items()}
    made = coalesce(typed.pop("made"), lit(EVENT))
    return bronze.select(
        made.alias("made"),
        coalesce(typed["created_id"], col("event_id")).alias("key_id"),
        "event_id",
        to_date("occurred_at").alias("event_date"),
        "occurred_at",
        *(value.alias(name) for name, value in typed.items()),
    )
