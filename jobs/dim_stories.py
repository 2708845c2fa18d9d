"""Job of `dim_stories`: every story in its present state."""

from typing import Final

from pyspark.sql import DataFrame, SparkSession

from jobs.content import FILES, ContentDimension, update
from jobs.lake import Lake
from jobs.queries import BatchCounts, Query, stream_of
from jobs.transforms.stories import stories
from streams.contracts.tables import DIM_STORIES

STORIES: Final = ContentDimension(DIM_STORIES, "story_id", "bronze_stories", stories)


def stream(session: SparkSession, lake: Lake) -> DataFrame:
    """Return the stream of the events of stories."""
    return stream_of(session, lake, STORIES.bronze, FILES)


def process(batch: DataFrame, batch_id: int, lake: Lake) -> BatchCounts:
    """Bring the stories that a batch touches up to the log."""
    return update(STORIES, batch, batch_id, lake)


QUERY: Final = Query(DIM_STORIES.name, (STORIES.bronze,), DIM_STORIES.name, stream, process)
