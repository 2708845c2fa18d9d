"""Tables of the lake, declared once for Spark, which creates them, and for the data dictionary.

The declarations are plain data and do not need Spark.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Column:
    """A column with its Spark SQL type; `null` says when it is null, and is empty if never."""

    name: str
    type: str
    comment: str
    null: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A Delta table: one row per `grain`."""

    name: str
    grain: str
    columns: tuple[Column, ...]
    partitioned_by: tuple[str, ...] = ()
    checks: tuple[tuple[str, str], ...] = ()
    """(name, SQL condition) of CHECK constraints."""
    change_feed: bool = False
    """True if the table also keeps what each commit changed, for jobs that follow it."""

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


BRONZE: Final = {
    "social.posts.v1": "bronze_posts",
    "social.stories.v1": "bronze_stories",
    "social.follows.v1": "bronze_follows",
    "social.blocks.v1": "bronze_blocks",
    "social.likes.v1": "bronze_likes",
    "social.views.v1": "bronze_views",
    "social.comments.v1": "bronze_comments",
    "social.tiers.v1": "bronze_tiers",
    "accounts.public.users": "bronze_users_cdc",
}
"""Source topic -> name of its bronze table."""

QUARANTINE: Final = "quarantine"

BRONZE_POSITION: Final = (
    Column(
        "schema_id",
        "INT",
        "the registry's id (Confluent's API) of the schema it was written with",
        "tombstone, or the record names its schema by a global id or a GUID",
    ),
    Column("kafka_partition", "INT", "partition of the topic"),
    Column("kafka_offset", "BIGINT", "offset in the partition; unique with it"),
    Column("append_time", "TIMESTAMP", "when the broker appended the record"),
    Column("append_date", "DATE", "day of append_time (UTC); the table is partitioned by it"),
)
"""The last columns of every bronze table."""

USER: Final = (
    Column("user_id", "BIGINT", "the account"),
    Column("handle", "STRING", "name in addresses, unique without regard to case"),
    Column("display_name", "STRING", "name as shown"),
    Column("country", "STRING", "ISO 3166-1 alpha-2"),
    Column("is_private", "BOOLEAN", "only approved followers read"),
    Column("account_type", "STRING", "personal, creator or business"),
    Column("verified", "BOOLEAN", "the identity was checked"),
    Column("audience_tier", "STRING", "the accounts service's label: regular, popular, celebrity"),
    Column("follower_count", "BIGINT", "as the accounts service last counted"),
    Column("created_at", "TIMESTAMP", "when the account was opened"),
    Column("updated_at", "TIMESTAMP", "when the row was last written"),
)
"""Columns of a captured row of `users`; data that identifies a person further stays in Postgres."""

UNAVAILABLE: Final = "\0unavailable"
"""Placeholder in a captured row for a large text that PostgreSQL did not send: it is unchanged.

No text in PostgreSQL holds a zero byte, so no user can have this name.
"""

DEBEZIUM_UNAVAILABLE: Final = "__debezium_unavailable_value"
"""Placeholder in records captured before `UNAVAILABLE` was set. Also a valid handle."""

REFUSED_CHANGE: Final = (
    "STRUCT<user_id BIGINT, op STRING, lsn BIGINT, snapshot STRING, committed_at TIMESTAMP>"
)
"""Readable part of a refused change of accounts; a field is null if it cannot be read."""

HEADERS: Final = "ARRAY<STRUCT<name STRING, value BINARY>>"
"""Headers of a Kafka record in order; a name may occur more than once."""

DIM_USERS: Final = Table(
    "dim_users",
    "one version of one user (SCD2)",
    (
        Column("user_sk", "BIGINT", "surrogate key: the same after any rebuild"),
        Column("user_id", "BIGINT", "the account"),
        Column("handle", "STRING", "name in addresses", "inferred"),
        Column("display_name", "STRING", "name as shown", "inferred"),
        Column("country", "STRING", "ISO 3166-1 alpha-2", "inferred or unknown"),
        Column("account_type", "STRING", "personal, creator or business", "inferred"),
        Column("is_private", "BOOLEAN", "only approved followers read", "inferred"),
        Column("verified", "BOOLEAN", "the identity was checked", "inferred"),
        Column("audience_tier", "STRING", "regular, popular or celebrity", "inferred"),
        Column("follower_count", "BIGINT", "newest known in this version; opens none", "inferred"),
        Column("created_at", "TIMESTAMP", "when the account was opened", "inferred"),
        Column("valid_from", "TIMESTAMP", "commit time of the change that opened it"),
        Column("valid_to", "TIMESTAMP", "commit time of the change that ended it", "open"),
        Column("is_current", "BOOLEAN", "the newest version of an account that exists"),
        Column("is_deleted", "BOOLEAN", "it ended because the account was deleted"),
        Column("is_inferred", "BOOLEAN", "met in an event before the accounts database told"),
        Column("source_lsn", "BIGINT", "log position of the change that opened it", "inferred"),
        Column("source_partition", "INT", "where that change lies in the topic", "inferred"),
        Column("source_offset", "BIGINT", "where that change lies in the topic", "inferred"),
    ),
    change_feed=True,
)

DIM_POSTS: Final = Table(
    "dim_posts",
    "one post, reply or repost (as it is now)",
    (
        Column("post_id", "BIGINT", "the post"),
        Column("author_id", "BIGINT", "who made it"),
        Column("kind", "STRING", "post, reply or repost"),
        Column("created_at", "TIMESTAMP", "event time of its creation"),
        Column("created_date", "DATE", "day of created_at (UTC)"),
        Column("text", "STRING", "newest text"),
        Column("hashtags", "ARRAY<STRING>", "newest tags, as written"),
        Column("media_count", "INT", "how many media it carries"),
        Column("reply_to", "BIGINT", "post that it answers", "no reply"),
        Column("repost_of", "BIGINT", "post that it repeats", "no repost"),
        Column("edited_at", "TIMESTAMP", "event time of the newest edit", "never edited"),
        Column("is_deleted", "BOOLEAN", "its author deleted it"),
        Column("deleted_at", "TIMESTAMP", "event time of the deletion", "not deleted"),
        Column("create_event_id", "BIGINT", "the event that made it"),
    ),
)

DIM_STORIES: Final = Table(
    "dim_stories",
    "one story (as it is now)",
    (
        Column("story_id", "BIGINT", "the story"),
        Column("author_id", "BIGINT", "who made it"),
        Column("created_at", "TIMESTAMP", "event time of its creation"),
        Column("created_date", "DATE", "day of created_at (UTC)"),
        Column("expires_at", "TIMESTAMP", "when it left the tray"),
        Column("caption", "STRING", "its caption"),
        Column("is_deleted", "BOOLEAN", "its author deleted it"),
        Column("deleted_at", "TIMESTAMP", "event time of the deletion", "not deleted"),
        Column("is_highlighted", "BOOLEAN", "its last highlight event adds it"),
        Column("highlight_title", "STRING", "title of the highlight", "not highlighted"),
        Column("create_event_id", "BIGINT", "the event that made it"),
    ),
)

DIM_DATE: Final = Table(
    "dim_date",
    "one day (UTC): each around facts and content from 2000 to 2099, outside only days of theirs",
    (
        Column("date", "DATE", "the day"),
        Column("year", "INT", "calendar year"),
        Column("quarter", "INT", "1 to 4"),
        Column("month", "INT", "1 to 12"),
        Column("day", "INT", "of the month"),
        Column("iso_year", "INT", "year of the ISO week"),
        Column("iso_week", "INT", "1 to 53"),
        Column("iso_weekday", "INT", "1 Monday to 7 Sunday"),
        Column("is_weekend", "BOOLEAN", "Saturday or Sunday"),
        Column("week_start", "DATE", "Monday of the ISO week"),
        Column("month_start", "DATE", "first of the month"),
    ),
)

FACT_ENGAGEMENT: Final = Table(
    "fact_engagement",
    "one like, unlike, view, comment, repost or story reply",
    (
        Column("event_id", "BIGINT", "the event; unique"),
        Column("event_date", "DATE", "day of occurred_at (UTC)"),
        Column("occurred_at", "TIMESTAMP", "event time"),
        Column("event_type", "STRING", "like, unlike, view, comment, repost or story_reply"),
        Column("surface", "STRING", "where it was seen", "no view"),
        Column("content_kind", "STRING", "POST, STORY or COMMENT"),
        Column("content_id", "BIGINT", "what was liked, seen, answered or reposted"),
        Column("created_id", "BIGINT", "the comment or repost that it made", "made nothing"),
        Column("actor_id", "BIGINT", "who did it"),
        Column("actor_sk", "BIGINT", "that user's version at event time"),
        Column("owner_id", "BIGINT", "whose content it is", "not told by the event"),
        Column("owner_sk", "BIGINT", "that user's version at event time", "owner_id is null"),
        Column("dwell_ms", "BIGINT", "how long it was seen", "no view"),
        Column("actor_country", "STRING", "of the actor at event time", "unknown"),
        Column("owner_tier", "STRING", "audience_tier of the owner at event time", "unknown"),
    ),
    partitioned_by=("event_date",),
    checks=(
        (
            "event_type_known",
            "event_type IN ('like', 'unlike', 'view', 'comment', 'repost', 'story_reply')",
        ),
        ("owner_has_a_version", "(owner_id IS NULL) = (owner_sk IS NULL)"),
    ),
)

FACT_FOLLOWS: Final = Table(
    "fact_follows",
    "one follow or unfollow",
    (
        Column("event_id", "BIGINT", "the event; unique"),
        Column("event_date", "DATE", "day of occurred_at (UTC)"),
        Column("occurred_at", "TIMESTAMP", "event time"),
        Column("event_type", "STRING", "follow or unfollow"),
        Column("follower_id", "BIGINT", "who follows"),
        Column("follower_sk", "BIGINT", "that user's version at event time"),
        Column("followee_id", "BIGINT", "who is followed"),
        Column("followee_sk", "BIGINT", "that user's version at event time"),
    ),
    partitioned_by=("event_date",),
    checks=(("event_type_known", "event_type IN ('follow', 'unfollow')"),),
)

STAR: Final = (
    DIM_USERS,
    DIM_POSTS,
    DIM_STORIES,
    DIM_DATE,
    FACT_ENGAGEMENT,
    FACT_FOLLOWS,
)
"""Tables that Spark writes, in the order in which it builds them."""
