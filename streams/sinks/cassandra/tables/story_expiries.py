"""Stories by the hour of their end, and the ends whose events are in the log."""

from collections.abc import Collection, Iterable, Iterator
from heapq import merge

from streams.contracts.times import DAY_S, HOUR_MS
from streams.sinks.cassandra.cells import EXPIRY_PARTS, INDEX_TIMESTAMP, expiry_part
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.writes import MAX_TTL_S, Insert, Write
from streams.views.effects import CreateStory
from streams.views.story_expiry import Due, Expiry

EXPIRIES_KEPT_S = 90 * DAY_S
"""Seconds after its due time for which the end of a story can still be published."""
_EXPIRY = Insert(
    "story_expiries",
    ("hour", "part"),
    ("due_at", "story_id", "author_id", "expires_at"),
    expires=True,
)
_EXPIRY_HOUR = Insert("story_expiry_hours", ("everything",), ("hour",), expires=True)
_PUBLISHED_EXPIRY = Insert("told_expiries", ("story_id",), ("author_id", "expires_at"))

_HOURS = "SELECT hour FROM story_expiry_hours WHERE everything = 0 AND hour >= ? AND hour <= ?"
_DUE = (
    "SELECT due_at, story_id, author_id, expires_at FROM story_expiries "
    "WHERE hour = ? AND part = ? AND due_at > ? AND due_at <= ?"
)
_PUBLISHED = "SELECT story_id, author_id, expires_at FROM told_expiries WHERE story_id IN ?"
_UNTIL = "SELECT until FROM expiries_told WHERE name = ?"
_SET_UNTIL = "INSERT INTO expiries_told (name, until) VALUES (?, ?) USING TIMESTAMP ?"
_NAME = "stories"


def expiry_rows(story: CreateStory, now_ms: int) -> Iterator[Write]:
    """Yield the rows that say when the story's end is due to be published.

    An end in the past is due at `now_ms`, so that a publisher need not look back.
    """
    due_at = max(story.expires_at, now_ms)
    hour, part = due_at // HOUR_MS, expiry_part(story.story_id)
    entry = (due_at, story.story_id, story.author_id, story.expires_at)
    written_us = now_ms * 1000
    ttl_s = min((due_at - now_ms) // 1000 + EXPIRIES_KEPT_S, MAX_TTL_S)
    yield Write(_EXPIRY, (hour, part, *entry, written_us, ttl_s))
    yield Write(_EXPIRY_HOUR, (0, hour, written_us, ttl_s))


def published_rows(expiries: Iterable[Expiry]) -> Iterator[Write]:
    """Yield the rows of expiries whose event is in the log."""
    for expiry in expiries:
        yield Write(_PUBLISHED_EXPIRY, (*expiry, INDEX_TIMESTAMP))


class CassandraExpiries:
    """An ExpiryIndex; safe between threads."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def due(self, after: int, until: int) -> Iterator[Due]:
        """Merge the 16 parts of an hour, each read page by page."""
        hours = list(self._session.rows(_HOURS, after // HOUR_MS, until // HOUR_MS))
        for (hour,) in hours:
            parts = (
                self._session.rows(_DUE, hour, part, after, until) for part in range(EXPIRY_PARTS)
            )
            for due_at, *expiry in merge(*parts):
                yield Due(due_at, Expiry(*expiry))

    def published(self, expiries: Collection[Expiry]) -> frozenset[Expiry]:
        rows = self._session.rows_in(_PUBLISHED, {expiry.story_id for expiry in expiries})
        return frozenset(Expiry(*row) for row in rows) & frozenset(expiries)

    def published_until(self) -> int | None:
        return next((int(until) for (until,) in self._session.rows(_UNTIL, _NAME)), None)

    def set_published_until(self, instant: int) -> None:
        """Write the instant with itself as the write timestamp, so that the latest one wins."""
        statement = self._session.prepared(_SET_UNTIL)
        self._session.run_all([statement.bind((_NAME, instant, instant))])
