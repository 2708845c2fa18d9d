"""Publication of the ends of stories to the log.

No view depends on the events, because reads decide by time: they are for consumers outside. An end
is pending until the fold has read its event back from the log, and the event of an end always has
the same `event_id`, so crashes and publishers that run at the same time only cause duplicates.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from streams.contracts.events import Event
from streams.views.store import RowReader
from streams.views.story_expiry import Due, Expiry, ExpiryIndex, story_expired

GRACE_MS: Final = 600_000
"""Milliseconds that the instant up to which all ends count as published stays behind the clock, at
least: a worker whose clock or batch is late may write an entry with a due time of now that much
later."""
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Round:
    """Result of one round.

    It holds the number of ends published in the round, the number of ends still pending (including
    the new ones), and the time (ms) since which the first pending end is due, `None` if none is.
    """

    published: int
    pending: int
    oldest_due: int | None


class ExpiryPublisher:
    """Publisher of the ends of stories that are due.

    A process has one publisher; any number of processes may run.
    """

    def __init__(
        self,
        index: ExpiryIndex,
        rows: RowReader,
        send: Callable[[Sequence[Event]], None],
    ) -> None:
        self._index = index
        self._rows = rows
        self._send = send
        self._sent: set[Expiry] = set()
        """Acknowledged by the broker, not read back yet: this process does not send them again."""

    def publish_due(self, now: int) -> Round:
        """Publish the ends that are due at `now` (ms) and not yet published.

        An end counts as published for all processes only when the fold has read it from the log.

        Raises:
            StoreUnavailableError: The index or the views cannot answer now.
            ProducerUnavailableError: The broker did not acknowledge in time.
            MessageRefusedError: The broker will never take an event.
        """
        since = self._index.published_until()
        published, pending, oldest = 0, set[Expiry](), None
        for page in self._due(since, now):
            missing = self._pending(page)
            missing_due = [due for due in page if due.expiry in missing]
            if missing_due and oldest is None:
                oldest = missing_due[0].due_at
            pending.update(due.expiry for due in missing_due)
            unsent = [due.expiry for due in missing_due if due.expiry not in self._sent]
            if unsent:
                self._send([story_expired(expiry) for expiry in unsent])
                self._sent.update(unsent)
                published += len(unsent)
        self._sent &= pending
        self._advance(since, now, oldest)
        return Round(published, len(pending), oldest)

    def _due(self, since: int | None, now: int) -> Iterator[Sequence[Due]]:
        due = self._index.due(-1 if since is None else since, now)
        while page := list(islice(due, _PAGE)):
            yield page

    def _pending(self, page: Sequence[Due]) -> frozenset[Expiry]:
        """Return the ends on the page that are pending.

        These are ends of existing stories, as the stories' current rows say, that are missing from
        the log as far as it is folded.
        """
        expiries = {due.expiry for due in page}
        rows = self._rows.stories({expiry.story_id for expiry in expiries})
        published = self._index.published(expiries)
        return frozenset(
            expiry
            for expiry in expiries - published
            if (row := rows.get(expiry.story_id)) is not None
            and not row.deleted
            and (row.author_id, row.expires_at) == (expiry.author_id, expiry.expires_at)
        )

    def _advance(self, since: int | None, now: int, oldest: int | None) -> None:
        until = now - GRACE_MS if oldest is None else min(now - GRACE_MS, oldest - 1)
        if since is None or until > since:
            self._index.set_published_until(until)
