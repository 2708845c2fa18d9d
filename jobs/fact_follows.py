"""Job of `fact_follows`: one row per follow and unfollow."""

from typing import Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, lit

from jobs.facts import Facts, Role, load
from jobs.lake import Lake
from jobs.queries import BatchCounts, Query, stream_of
from jobs.transforms.engagement import EVENT
from jobs.transforms.follows import from_follows
from streams.contracts.tables import FACT_FOLLOWS

_BRONZE: Final = "bronze_follows"
_FILES: Final = 32


def _keys(facts: DataFrame) -> DataFrame:
    return facts.select(
        lit(EVENT).alias("made"),
        col("event_id").alias("key_id"),
        col("event_id").alias("existing_id"),
    )


FOLLOWS: Final = Facts(FACT_FOLLOWS, (Role("follower", {}), Role("followee", {})), keys=_keys)


def stream(session: SparkSession, lake: Lake) -> DataFrame:
    """Return the stream of candidates of the follows' bronze table."""
    return from_follows(stream_of(session, lake, _BRONZE, _FILES))


def process(batch: DataFrame, batch_id: int, lake: Lake) -> BatchCounts:
    """Load a batch of candidates."""
    return load(FOLLOWS, batch, batch_id, lake)


QUERY: Final = Query(FACT_FOLLOWS.name, (_BRONZE,), FACT_FOLLOWS.name, stream, process)
