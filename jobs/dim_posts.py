"""Job of `dim_posts`: every post, reply and repost in its present state."""

from typing import Final

from pyspark.sql import DataFrame, SparkSession

from jobs.content import FILES, ContentDimension, update
from jobs.lake import Lake
from jobs.queries import BatchCounts, Query, stream_of
from jobs.transforms.posts import posts
from streams.contracts.tables import DIM_POSTS

POSTS: Final = ContentDimension(DIM_POSTS, "post_id", "bronze_posts", posts)


def stream(session: SparkSession, lake: Lake) -> DataFrame:
    """Return the stream of the events of posts."""
    return stream_of(session, lake, POSTS.bronze, FILES)


def process(batch: DataFrame, batch_id: int, lake: Lake) -> BatchCounts:
    """Bring the posts that a batch touches up to the log."""
    return update(POSTS, batch, batch_id, lake)


QUERY: Final = Query(DIM_POSTS.name, (POSTS.bronze,), DIM_POSTS.name, stream, process)
