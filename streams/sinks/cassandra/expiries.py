"""The index of stories by their end, in Cassandra."""

from collections.abc import Collection, Iterator
from heapq import merge

from streams.projections.expiry import Due, Expiry
from streams.sinks.cassandra.cells import EXPIRY_PARTS, HOUR_MS
from streams.sinks.cassandra.session import Session

_HOURS = "SELECT hour FROM story_expiry_hours WHERE everything = 0 AND hour >= ? AND hour <= ?"
_DUE = (
    "SELECT due_at, story_id, author_id, expires_at FROM story_expiries "
    "WHERE hour = ? AND part = ? AND due_at > ? AND due_at <= ?"
)
_TOLD = "SELECT story_id, author_id, expires_at FROM told_expiries WHERE story_id IN ?"
_UNTIL = "SELECT until FROM expiries_told WHERE name = ?"
_SET_UNTIL = "INSERT INTO expiries_told (name, until) VALUES (?, ?) USING TIMESTAMP ?"
_NAME = "stories"


class CassandraExpiries:
    """An ExpiryIndex; safe between threads."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def due(self, after: int, until: int) -> Iterator[Due]:
        """See ExpiryIndex. Merges the 16 parts of an hour, each read page by page."""
        hours = list(self._session.rows(_HOURS, after // HOUR_MS, until // HOUR_MS))
        for (hour,) in hours:
            parts = (
                self._session.rows(_DUE, hour, part, after, until) for part in range(EXPIRY_PARTS)
            )
            for due_at, *expiry in merge(*parts):
                yield Due(due_at, Expiry(*expiry))

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
