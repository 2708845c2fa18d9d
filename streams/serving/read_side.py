"""Stores and caches of one version of the views, as reads use them."""

from typing import NamedTuple

from streams.caching.metrics import CacheMetrics
from streams.serving.feed.feed_caches import FeedCaches
from streams.views.store import Views


class ReadSide(NamedTuple):
    """The stores of one version of the views, ready to be read."""

    views: Views
    """The views, read through the cache."""
    caches: FeedCaches
    durable: Views
    """The views as the durable store alone has them."""
    metrics: CacheMetrics
