"""Walking an index from its newest month back."""

from collections.abc import Sequence
from typing import Any

from streams.sinks.cassandra.session import Session


def newest(session: Session, months: Sequence[tuple[str, Sequence[Any]]], limit: int) -> list[int]:
    """The `limit` largest ids, largest first, that a question a month, newest month first, finds.

    Each must answer its `limit` largest. The newest month is asked first, then 2, 4, … older ones:
    of something that comes once a year no question a month is waited for.
    """
    found: list[int] = []
    width = 1
    while months and len(found) < limit:
        for rows in session.rows_of_all(months[:width]):
            found.extend(one for (one,) in rows)
        months = months[width:]
        width *= 2
    return sorted(found, reverse=True)[: max(limit, 0)]
