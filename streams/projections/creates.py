"""Creating events: the first-taken id, duplicates and conflicts.

Of two creates of one id the smaller `event_id` counts (the store sees to that); here it is only
noticed that the id was taken, so that the second one noticed reaches the dead letter queue.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from streams.contracts.batch import Batch
from streams.projections.batch_rows import distinct, named, position
from streams.projections.projection import Projected


def creates(
    batch: Batch,
    record_type: str,
    id_field: str,
    known: Mapping[int, int],
    into: Projected,
    contested: list[int],
) -> Iterator[dict[str, Any]]:
    """Each distinct create of the batch as a row, after accounting for it in `into`.

    Ids of which there is another create are added to `contested`.
    """
    rows, repeated = distinct(batch, record_type)
    into.duplicates += repeated
    if rows is None:
        return
    taken: dict[int, int] = {}
    for row in named(rows):
        content_id, event_id = row[id_field], row["event_id"]
        holder = known.get(content_id, taken.get(content_id))
        if holder is None:
            taken[content_id] = event_id
            into.applied += 1
        elif holder == event_id:
            into.duplicates += 1
        else:
            into.conflicts.append(position(row))
            contested.append(content_id)
        yield row


def others(batch: Batch, record_type: str, into: Projected) -> Iterator[dict[str, Any]]:
    """Each distinct event of a type that creates nothing, after accounting for it."""
    rows, repeated = distinct(batch, record_type)
    into.duplicates += repeated
    if rows is None:
        return
    for row in named(rows):
        into.applied += 1
        yield row
