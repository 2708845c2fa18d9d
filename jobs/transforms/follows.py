"""Bronze rows of follows -> candidates for fact_follows, one for one."""

from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql.functions import col, lit, to_date, when

from jobs.transforms.engagement import EVENT

FIELDS: Final = ("follower_id", "followee_id")


def from_follows(bronze: DataFrame) -> DataFrame:
    """Return a candidate per follow or unfollow."""
    return bronze.select(
        lit(EVENT).alias("made"),
        col("event_id").alias("key_id"),
        "event_id",
        to_date("occurred_at").alias("event_date"),
        "occurred_at",
        when(col("record_type") == "UserFollowed", "follow")
        .when(col("record_type") == "UserUnfollowed", "unfollow")
        .alias("event_type"),
        *FIELDS,
    )
