"""Telling the log of stories that have ended.

No view depends on what is told: reads decide by time. It is for consumers outside. An end is told
until the fold has read it back from the log, and what is told has one `event_id`, so that crashes
and several who tell at once make duplicates and nothing else.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from streams.contracts.events import Event
from streams.views.store import ViewReader
from streams.views.story_expiry import Due, Expiry, ExpiryIndex, story_expired

GRACE_MS: Final = 600_000
"""How far behind the clock everything counts as told at most: so much later an entry may still be
written with a due time of now, by a worker whose clock or batch is late."""
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Round:
    """What one look found: ends told just now, those that wait for being read back (the new ones
    included), and since when (ms) the first of them is due."""

    told: int
    untold: int
    oldest_due: int | None


class ExpiryPublisher:
    """Tells of ends that are due; for one process, any number of which may run."""

    def __init__(
        self,
        index: ExpiryIndex,
        views: ViewReader,
        send: Callable[[Sequence[Event]], None],
    ) -> None:
        self._index = index
        self._views = views
        self._send = send
        self._sent: set[Expiry] = set()
        """Acknowledged by the broker and not read back: not to be told again by this process."""

    def tell(self, now: int) -> Round:
        """Tell what is due at `now` (ms) and not told.

        Raises StoreUnavailableError, MessageRefusedError.

        What was told counts as told for all only when the log has been folded so far.
        """
        since = self._index.told_until()
        told, untold, oldest = 0, set[Expiry](), None
        for page in self._due(since, now):
            lacking = self._missing(page)
            missing = [due for due in page if due.expiry in lacking]
            if missing and oldest is None:
                oldest = missing[0].due_at
            untold.update(due.expiry for due in missing)
            fresh = [due.expiry for due in missing if due.expiry not in self._sent]
            if fresh:
                self._send([story_expired(expiry) for expiry in fresh])
                self._sent.update(fresh)
                told += len(fresh)
        self._sent &= untold
        self._advance(since, now, oldest)
        return Round(told, len(untold), oldest)

    def _due(self, since: int | None, now: int) -> Iterator[Sequence[Due]]:
        due = self._index.due(-1 if since is None else since, now)
        while page := list(islice(due, _PAGE)):
            yield page

    def _missing(self, page: Sequence[Due]) -> frozenset[Expiry]:
        """The ends of stories that stand, of which the log does not tell as far as it is folded."""
        expiries = {due.expiry for due in page}
        rows = self._views.stories({expiry.story_id for expiry in expiries})
        told = self._index.told(expiries)
        return frozenset(
            expiry
            for expiry in expiries - told
            if (row := rows.get(expiry.story_id)) is not None
            and not row.deleted
            and (row.author_id, row.expires_at) == (expiry.author_id, expiry.expires_at)
        )

    def _advance(self, since: int | None, now: int, oldest: int | None) -> None:
        until = now - GRACE_MS if oldest is None else min(now - GRACE_MS, oldest - 1)
        if since is None or until > since:
            self._index.set_told_until(until)
