"""Keeps `dim_posts`: every post, reply and repost as it is now."""

from typing import Final

from pyspark.sql import DataFrame, SparkSession

from jobs.content import FILES, Content, keep
from jobs.lake import Lake
from jobs.queries import Counts, Query, stream_of
from jobs.transforms.posts import posts
from streams.contracts.tables import DIM_POSTS

POSTS: Final = Content(DIM_POSTS, "post_id", "bronze_posts", posts)


def stream(session: SparkSession, lake: Lake) -> DataFrame:
    """The events of posts."""
    return stream_of(session, lake, POSTS.bronze, FILES)


def process(batch: DataFrame, batch_id: int, lake: Lake) -> Counts:
    """Bring the posts that a batch touches up to the log."""
    return keep(POSTS, batch, batch_id, lake)


QUERY: Final = Query(DIM_POSTS.name, (POSTS.bronze,), DIM_POSTS.name, stream, process)
