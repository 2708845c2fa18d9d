"""Access to the row cache for readers that can do without it.

If Redis is unavailable, every read is a miss.
"""

from collections.abc import Collection, Mapping

import structlog

from streams.errors import StoreUnavailableError
from streams.views.row_cache import CachedRow, CacheLookup, RowCache

_log = structlog.get_logger(__name__)


def get_rows(cache: RowCache, ids: Collection[int]) -> CacheLookup:
    """Return the cached rows, and leases; neither if the cache is unavailable."""
    try:
        return cache.get(ids)
    except StoreUnavailableError as error:
        _log.warning("row_cache_unavailable", error=str(error))
        return CacheLookup({}, frozenset(), b"")


def refresh_row(cache: RowCache, row_id: int) -> tuple[bytes, bytes | None]:
    """Return a token under which the cached row may be replaced, and the row.

    The row is `None` if it may not be replaced.
    """
    try:
        ticket = cache.refresh((row_id,))
    except StoreUnavailableError as error:
        _log.warning("row_cache_unavailable", error=str(error))
        return b"", None
    return ticket.token, ticket.old.get(row_id)


def fill_rows(cache: RowCache, token: bytes, rows: Mapping[int, CachedRow]) -> None:
    """Fill in rows that are leased or being refreshed under the token."""
    if rows:
        try:
            cache.fill(token, rows)
        except StoreUnavailableError as error:
            _log.warning("row_cache_unavailable", error=str(error))
