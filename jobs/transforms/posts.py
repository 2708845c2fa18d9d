"""Events of posts -> the posts as they are now, in any order of arrival and repetition.

Of two creates of one id the smaller event id counts. Edits and deletions count only with the post's
own author; among edits the later stamp (occurred_at, event_id) wins; a deletion is permanent. A
post whose create is not known yet has no row.
"""

from pyspark.sql import DataFrame
from pyspark.sql.functions import coalesce, col, size, struct, to_date, when
from pyspark.sql.functions import max as largest
from pyspark.sql.functions import min as smallest

_KEY = ["post_id", "author_id"]


def posts(events: DataFrame) -> DataFrame:
    """Return rows of dim_posts. `events` must hold all known events of the posts it names."""
    return (
        _creates(events)
        .join(_edits(events), _KEY, "left")
        .join(_deletions(events), _KEY, "left")
        .select(
            "post_id",
            "author_id",
            when(col("made.repost_of").isNotNull(), "repost")
            .when(col("made.reply_to").isNotNull(), "reply")
            .otherwise("post")
            .alias("kind"),
            col("made.occurred_at").alias("created_at"),
            to_date("made.occurred_at").alias("created_date"),
            coalesce("edit.text", "made.text").alias("text"),
            coalesce("edit.hashtags", "made.hashtags").alias("hashtags"),
            size(coalesce("edit.media", "made.media")).alias("media_count"),
            col("made.reply_to").alias("reply_to"),
            col("made.repost_of").alias("repost_of"),
            col("edit.occurred_at").alias("edited_at"),
            col("deleted_at").isNotNull().alias("is_deleted"),
            "deleted_at",
            col("made.event_id").alias("create_event_id"),
        )
    )


def _creates(events: DataFrame) -> DataFrame:
    fields = ("event_id", "occurred_at", "author_id", "text", "hashtags", "media")
    made = struct(*fields, "reply_to", "repost_of")
    return (
        events.where("record_type = 'PostCreated'")
        .groupBy("post_id")
        .agg(smallest(made).alias("made"))  # structs compare field by field
        .withColumn("author_id", col("made.author_id"))
    )


def _edits(events: DataFrame) -> DataFrame:
    edit = struct("occurred_at", "event_id", "text", "hashtags", "media")
    return (
        events.where("record_type = 'PostEdited'").groupBy(*_KEY).agg(largest(edit).alias("edit"))
    )


def _deletions(events: DataFrame) -> DataFrame:
    return (
        events.where("record_type = 'PostDeleted'")
        .groupBy(*_KEY)
        .agg(smallest("occurred_at").alias("deleted_at"))
    )
