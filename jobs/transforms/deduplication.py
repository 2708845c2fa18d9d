"""Deduplication of candidates: each is a fact, a repetition, or the loser of two creates of one id.

The key of a candidate is (`made`, `key_id`): the id that a creating event makes, and for any other
the event's own id. Of two creates of one id the smaller event id counts, whichever comes first.
"""

from enum import StrEnum

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql.functions import col, least, lit, row_number, when
from pyspark.sql.functions import min as smallest


class CreateVerdict(StrEnum):
    """Verdict on a candidate. `insert`, `replace` and `withdraw` change the facts; the others do
    not."""

    INSERT = "insert"
    REPLACE = "replace"
    """The candidate's event id is smaller than that of the present fact with the same key."""
    WITHDRAW = "withdraw"
    """The candidate makes no fact, but owns the id of a present fact, which is removed."""
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    """The candidate creates an id that belongs to another event."""
    OTHER = "other"
    """The candidate makes no fact."""


def deduplicate(
    candidates: DataFrame, competing_creates: DataFrame, existing_facts: DataFrame
) -> DataFrame:
    """Return the candidates with `verdict` and `existing_id`, the event id of the present fact.

    Args:
        competing_creates: creates (made, key_id, event_id) known from elsewhere, which get no
            verdict.
        existing_facts: the present facts (made, key_id, existing_id), of the candidates' days at
            least.
    """
    key = ["made", "key_id"]
    creates = competing_creates.groupBy(*key).agg(smallest("event_id").alias("competing_id"))
    of_key = Window.partitionBy(*key)
    return (
        candidates.withColumns(
            {
                "winner_id": smallest("event_id").over(of_key),
                "rank": row_number().over(of_key.orderBy("event_id")),
            }
        )
        .join(creates, key, "left")
        .join(existing_facts, key, "left")
        .withColumn("verdict", _verdict())
        .drop("winner_id", "rank", "competing_id")
    )


def _verdict() -> Column:
    event_id, existing_id = col("event_id"), col("existing_id")
    outranked = event_id > least("winner_id", "competing_id", "existing_id")  # which skips nulls
    takes_over = (col("rank") == 1) & (existing_id > event_id)
    of_facts = (
        when(outranked, lit(CreateVerdict.CONFLICT))
        .when((col("rank") > 1) | (existing_id == event_id), lit(CreateVerdict.DUPLICATE))
        .when(takes_over, lit(CreateVerdict.REPLACE))
        .otherwise(lit(CreateVerdict.INSERT))
    )
    of_others = when(takes_over & ~outranked, lit(CreateVerdict.WITHDRAW)).otherwise(
        lit(CreateVerdict.OTHER)
    )
    return when(col("event_type").isNull(), of_others).otherwise(of_facts)
