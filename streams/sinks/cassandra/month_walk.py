"""Search of an index from its newest month back."""

from collections.abc import Sequence
from typing import Any

from streams.sinks.cassandra.session import Session


def newest(session: Session, months: Sequence[tuple[str, Sequence[Any]]], limit: int) -> list[int]:
    """Return the `limit` largest ids that the queries of the months find, largest first.

    The newest month is queried first, then 2, 4, … older ones at the same time: an index with one
    entry a year does not cost a round trip for each month.

    Args:
        session: Session to run the queries with.
        months: Query and its values of each month, newest month first. Each query must return the
            `limit` largest ids of its month.
        limit: Largest number of ids to return.
    """
    found: list[int] = []
    width = 1
    while months and len(found) < limit:
        for rows in session.rows_of_all(months[:width]):
            found.extend(row_id for (row_id,) in rows)
        months = months[width:]
        width *= 2
    return sorted(found, reverse=True)[: max(limit, 0)]
