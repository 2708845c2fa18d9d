"""Events of stories -> the stories as they are now, by the rules of posts.

A story is highlighted if the last highlight event of its author adds it; if two have one stamp, the
removal counts. Expiry is not a change: `expires_at` has its time.
"""

from pyspark.sql import DataFrame
from pyspark.sql.functions import coalesce, col, lit, struct, to_date, when
from pyspark.sql.functions import max as largest
from pyspark.sql.functions import min as smallest

_KEY = ["story_id", "author_id"]


def stories(events: DataFrame) -> DataFrame:
    """Return rows of dim_stories. `events` must hold all known events of the stories it names."""
    highlighted = coalesce(~col("mark.removed"), lit(False))
    return (
        _creates(events)
        .join(_highlights(events), _KEY, "left")
        .join(_deletions(events), _KEY, "left")
        .select(
            "story_id",
            "author_id",
            col("made.occurred_at").alias("created_at"),
            to_date("made.occurred_at").alias("created_date"),
            col("made.expires_at").alias("expires_at"),
            col("made.caption").alias("caption"),
            col("deleted_at").isNotNull().alias("is_deleted"),
            "deleted_at",
            highlighted.alias("is_highlighted"),
            when(highlighted, col("mark.title")).alias("highlight_title"),
            col("made.event_id").alias("create_event_id"),
        )
    )


def _creates(events: DataFrame) -> DataFrame:
    made = struct("event_id", "occurred_at", "author_id", "expires_at", "caption")
    return (
        events.where("record_type = 'StoryCreated'")
        .groupBy("story_id")
        .agg(smallest(made).alias("made"))  # structs compare field by field
        .withColumn("author_id", col("made.author_id"))
    )


def _highlights(events: DataFrame) -> DataFrame:
    removed = (col("record_type") == "HighlightRemoved").alias("removed")
    return (
        events.where("record_type IN ('HighlightAdded', 'HighlightRemoved')")
        .groupBy(*_KEY)
        .agg(largest(struct("occurred_at", "event_id", removed, "title")).alias("mark"))
    )


def _deletions(events: DataFrame) -> DataFrame:
    return (
        events.where("record_type = 'StoryDeleted'")
        .groupBy(*_KEY)
        .agg(smallest("occurred_at").alias("deleted_at"))
    )
