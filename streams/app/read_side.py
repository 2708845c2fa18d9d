"""What reading commands need, put together from the settings."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from streams.app.settings import Settings
from streams.app.stores import durable_views, hot_views, row_copies
from streams.caching.metrics import CacheMetrics
from streams.caching.read_through import ReadThroughViews
from streams.serving.read_side import ReadSide


@contextmanager
def open_read_side(settings: Settings) -> Iterator[ReadSide]:
    """Connect, and disconnect at the end.

    Raises UserError where Cassandra does not answer or lacks the keyspace. Redis is connected on
    first use: reads do without it.
    """
    with durable_views(settings) as views:
        metrics = CacheMetrics()
        # Modules and connections stay: going over them again and again for garbage is a pause of a
        # tenth of a second in every few thousand pages.
        gc.freeze()
        copied = ReadThroughViews(views, row_copies(settings), metrics)
        yield ReadSide(
            views=copied,
            hot=hot_views(settings, views, copied, metrics),
            durable=views,
            metrics=metrics,
        )
