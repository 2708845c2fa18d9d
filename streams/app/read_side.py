"""The stores of reading commands, built from the settings."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from streams.app.settings import Settings
from streams.app.stores import durable_views, feed_caches, row_caches
from streams.caching.metrics import CacheMetrics
from streams.caching.read_through import ReadThroughViews
from streams.serving.read_side import ReadSide


@contextmanager
def open_read_side(settings: Settings) -> Iterator[ReadSide]:
    """Connect to the views and their caches while the context lasts.

    Redis is connected on first use: reads work without it.

    Raises:
        UserError: Cassandra does not answer or does not have the keyspace.
    """
    with durable_views(settings) as views:
        metrics = CacheMetrics()
        # Modules and connections live as long as the process: a garbage collection that visits
        # them is a pause of a tenth of a second in every few thousand pages.
        gc.freeze()
        copied = ReadThroughViews(views, row_caches(settings), metrics)
        yield ReadSide(
            views=copied,
            hot=feed_caches(settings, views, copied, metrics),
            durable=views,
            metrics=metrics,
        )
