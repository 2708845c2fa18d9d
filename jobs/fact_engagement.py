"""Job of `fact_engagement`: one row per like, unlike, view, comment, repost and story reply."""

from functools import reduce
from typing import Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import coalesce, col, lit

from jobs.facts import Facts, Role, load
from jobs.lake import Lake, read
from jobs.queries import BatchCounts, Query, stream_of
from jobs.transforms.engagement import POST, SOURCES, made_by
from streams.contracts.tables import FACT_ENGAGEMENT

_FILES: Final = 16
"""Files of each bronze table in one batch, at most; a file holds up to 100,000 rows."""


def _keys(facts: DataFrame) -> DataFrame:
    return facts.select(
        made_by(col("event_type")).alias("made"),
        coalesce("created_id", "event_id").alias("key_id"),
        col("event_id").alias("existing_id"),
    )


def _post_creates(session: SparkSession, lake: Lake, first: int, last: int) -> DataFrame:
    posts = read(session, lake, "bronze_posts")
    in_range = (col("record_type") == "PostCreated") & col("post_id").between(first, last)
    return posts.where(in_range).select(
        lit(POST).alias("made"), col("post_id").alias("key_id"), "event_id"
    )


ENGAGEMENT: Final = Facts(
    FACT_ENGAGEMENT,
    (
        Role("actor", {"actor_country": "country"}),
        Role("owner", {"owner_tier": "audience_tier"}),
    ),
    keys=_keys,
    competing_creates=_post_creates,
)


def stream(session: SparkSession, lake: Lake) -> DataFrame:
    """Return the stream of candidates of all four bronze tables."""
    parts = [
        candidates(stream_of(session, lake, table, _FILES)) for table, candidates in SOURCES.items()
    ]
    return reduce(DataFrame.unionByName, parts)


def process(batch: DataFrame, batch_id: int, lake: Lake) -> BatchCounts:
    """Load a batch of candidates."""
    return load(ENGAGEMENT, batch, batch_id, lake)


QUERY: Final = Query(FACT_ENGAGEMENT.name, tuple(SOURCES), FACT_ENGAGEMENT.name, stream, process)
