"""Port of the feed context: what a home feed page starts from, read in one round trip."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from streams.views.pull_set import Pulled
from streams.views.row_cache import CacheLookup
from streams.views.timeline_cache import Timeline


class FeedContextReply(NamedTuple):
    """Answers of the row cache, the timeline cache and the pull set; see their ports."""

    relations: CacheLookup
    """Lookup of the reader's relations."""
    timeline: Timeline | None
    pulled: Mapping[int, Pulled] | None
    """Pulled posts of the requested authors; `None` if the pull set is incomplete."""


class FeedContextReader(Protocol):
    """Reads `RowCache`, `TimelineCache` and `PullSet` in one round trip, in this order."""

    def read(self, reader: int, authors: Collection[int]) -> FeedContextReply:
        """Return the reader's relations and timeline, and the pulled posts of the authors.

        Raises:
            StoreUnavailableError: The caches do not answer.
        """
        ...
