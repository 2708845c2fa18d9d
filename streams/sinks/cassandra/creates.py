"""Creates of one id: several authors may claim it, and one create counts."""

from collections import defaultdict
from collections.abc import Iterable

from streams.sinks.cassandra.payloads import Payload, decode_created
from streams.sinks.cassandra.session import Row


def winning_creates(rows: Iterable[Row]) -> dict[int, tuple[Payload, Row]]:
    """Return, by id, the content of the create with the smallest event_id, and its row.

    A row begins with the id and the `created` cell.
    """
    claims: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if row[1] is not None:
            claims[row[0]].append(row)
    # Creates sort as their cells do, which begin with the event_id.
    first = {content_id: min(held, key=lambda row: row[1]) for content_id, held in claims.items()}
    return {i: (decode_created(row[1]).payload, row) for i, row in first.items()}
