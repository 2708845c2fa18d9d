"""Access to the row cache for readers that can do without it.

If Redis is unavailable, every read is a miss.
"""

from collections.abc import Collection, Mapping

import structlog

from streams.errors import StoreUnavailableError
from streams.views.row_cache import CachedRow, CacheLookup, RowCache

_log = structlog.get_logger(__name__)


def read_copies(copies: RowCache, ids: Collection[int]) -> CacheLookup:
    """Return the cached rows, and leases; neither if the cache is unavailable."""
    try:
        return copies.read(ids)
    except StoreUnavailableError as error:
        _log.warning("copies_unavailable", error=str(error))
        return CacheLookup({}, frozenset(), b"")


def renew_copy(copies: RowCache, one: int) -> tuple[bytes, bytes | None]:
    """Return a token under which the cached row may be replaced, and the row.

    The row is `None` if it may not be replaced.
    """
    try:
        renewed = copies.renew((one,))
    except StoreUnavailableError as error:
        _log.warning("copies_unavailable", error=str(error))
        return b"", None
    return renewed.token, renewed.old.get(one)


def fill_copies(copies: RowCache, token: bytes, filled: Mapping[int, CachedRow]) -> None:
    """Fill in rows that are leased or being renewed under the token."""
    if filled:
        try:
            copies.fill(token, filled)
        except StoreUnavailableError as error:
            _log.warning("copies_unavailable", error=str(error))
