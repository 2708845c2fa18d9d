"""What a migration copies, once its statements have run: rows that have moved to other tables.

Copies only add, so one that was interrupted is made again from its start.
"""

from collections.abc import Callable, Mapping
from itertools import islice

from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.tagged import tag_rows
from streams.sinks.cassandra.writes import write_all

Copy = Callable[[Session, Callable[[], None]], None]
"""Given the keyspace's session, and what to call now and then to hold the migration lock."""

_ROWS = 5_000
"""Rows copied at a time."""


def _posts_by_tag(session: Session, hold: Callable[[], None]) -> None:
    rows = session.rows("SELECT tag, post_id FROM posts_by_tag")
    while held := list(islice(rows, _ROWS)):
        hold()
        write_all(session, tag_rows(held))


COPIES: Mapping[str, Copy] = {"0006_tag_parts": _posts_by_tag}
"""A migration's title -> what it copies."""
