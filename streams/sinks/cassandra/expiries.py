"""The index of stories by their end, in Cassandra."""

from collections.abc import Collection, Sequence
from heapq import merge
from itertools import islice

from streams.projections.expiry import Due, Expiry
from streams.sinks.cassandra.cells import EXPIRY_PARTS, HOUR_MS
from streams.sinks.cassandra.session import Session

_HOURS = "SELECT hour FROM story_expiry_hours WHERE everything = 0 AND hour >= ? AND hour <= ?"
_DUE = (
    "SELECT due_at, story_id, author_id, expires_at FROM story_expiries "
    "WHERE hour = ? AND part = ? AND (due_at, story_id, author_id, expires_at) > (?, ?, ?, ?) "
    "AND due_at <= ? LIMIT ?"
)
_TOLD = "SELECT story_id, author_id, expires_at FROM told_expiries WHERE story_id IN ?"
_UNTIL = "SELECT until FROM expiries_told WHERE name = ?"
_SET_UNTIL = "INSERT INTO expiries_told (name, until) VALUES (?, ?) USING TIMESTAMP ?"
_NAME = "stories"


class CassandraExpiries:
    """An ExpiryIndex; safe between threads."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def due(self, after: Due, until: int, limit: int) -> Sequence[Due]:
        """See ExpiryIndex. Asks the 16 parts of an hour side by side, hour by hour."""
        found: list[Due] = []
        hours = self._session.rows(_HOURS, after.due_at // HOUR_MS, until // HOUR_MS)
        for (hour,) in hours:
            if len(found) >= limit:
                break
            key = (after.due_at, *after.expiry, until, limit)
            parts = self._session.rows_of_all(
                (_DUE, (hour, part, *key)) for part in range(EXPIRY_PARTS)
            )
            ordered = merge(*([_due(*row) for row in rows] for rows in parts))
            found.extend(islice(ordered, limit - len(found)))
        return found

    def told(self, expiries: Collection[Expiry]) -> frozenset[Expiry]:
        """See ExpiryIndex."""
        rows = self._session.rows_in(_TOLD, {expiry.story_id for expiry in expiries})
        return frozenset(Expiry(*row) for row in rows) & frozenset(expiries)

    def told_until(self) -> int | None:
        """See ExpiryIndex."""
        return next((int(until) for (until,) in self._session.rows(_UNTIL, _NAME)), None)

    def set_told_until(self, instant: int) -> None:
        """See ExpiryIndex. The instant is the write timestamp, too, so that the latest stands."""
        statement = self._session.prepared(_SET_UNTIL)
        self._session.run_all([statement.bind((_NAME, instant, instant))])


def _due(due_at: int, story_id: int, author_id: int, expires_at: int) -> Due:
    return Due(due_at, Expiry(story_id, author_id, expires_at))
