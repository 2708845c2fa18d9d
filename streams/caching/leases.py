"""Copies asked for by whoever can do without them: where Redis is away, there are none."""

from collections.abc import Collection, Mapping

import structlog

from streams.errors import StoreUnavailableError
from streams.views.row_cache import CachedRow, CacheLookup, RowCache

_log = structlog.get_logger(__name__)


def read_copies(copies: RowCache, ids: Collection[int]) -> CacheLookup:
    """The copies there are, and leases."""
    try:
        return copies.read(ids)
    except StoreUnavailableError as error:
        _log.warning("copies_unavailable", error=str(error))
        return CacheLookup({}, frozenset(), b"")


def renew_copy(copies: RowCache, one: int) -> tuple[bytes, bytes | None]:
    """A token under which the copy may be replaced, and what it was; None: it may not."""
    try:
        renewed = copies.renew((one,))
    except StoreUnavailableError as error:
        _log.warning("copies_unavailable", error=str(error))
        return b"", None
    return renewed.token, renewed.old.get(one)


def fill_copies(copies: RowCache, token: bytes, filled: Mapping[int, CachedRow]) -> None:
    """Fill in what was leased or is being renewed under the token."""
    if filled:
        try:
            copies.fill(token, filled)
        except StoreUnavailableError as error:
            _log.warning("copies_unavailable", error=str(error))
