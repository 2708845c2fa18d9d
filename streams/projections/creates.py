"""Creating events: the first-taken id, duplicates and conflicts.

Of two creates of one id the smaller `event_id` wins (the store ensures that). This module only
detects that an id is taken, so that the second create it sees reaches the dead letter queue.
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
    """Yield each distinct create of the batch as a row, after adding it to the counts of `into`.

    Args:
        known: Content id -> `event_id` of the create that won before this batch.
        into: Receives the counts, and the conflicts.
        contested: Receives the ids for which there is another create.
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
            into.conflicts.append(position(batch.topic, row))
            contested.append(content_id)
        yield row


def others(batch: Batch, record_type: str, into: Projected) -> Iterator[dict[str, Any]]:
    """Yield each distinct event of a non-creating type as a row, after adding it to `into`."""
    rows, repeated = distinct(batch, record_type)
    into.duplicates += repeated
    if rows is None:
        return
    for row in named(rows):
        into.applied += 1
        yield row
