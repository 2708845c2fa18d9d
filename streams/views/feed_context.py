"""What a page of a home feed begins with, asked for at once."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from streams.views.pull_set import Pulled
from streams.views.row_cache import CacheLookup
from streams.views.timeline_cache import Timeline


class FeedContextReply(NamedTuple):
    """See the ports that these are answers of."""

    relations: CacheLookup
    """Of the reader."""
    timeline: Timeline | None
    pulled: Mapping[int, Pulled] | None
    """Of the authors that were asked for; None: the pull set is not whole."""


class FeedContextReader(Protocol):
    """Asks `Copies`, `TimelineCache` and `PullSet` in one round trip, in this order."""

    def read(self, reader: int, authors: Collection[int]) -> FeedContextReply:
        """The reader's relations and timeline, and who of the authors is pulled.

        Raises StoreUnavailableError.
        """
        ...
