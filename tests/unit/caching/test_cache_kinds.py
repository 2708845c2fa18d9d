"""`storyline cache stats` has a name for every kind of cached row."""

from streams.caching.formats import COUNTS, POSTS, RELATIONS, SEEN, STORIES
from streams.sinks.redis.stats import KINDS


def test_every_kind_of_cached_row_has_a_name() -> None:
    assert {POSTS, RELATIONS, SEEN, STORIES, *COUNTS.values()} < KINDS.keys()
    assert len(set(KINDS.values())) == len(KINDS)
