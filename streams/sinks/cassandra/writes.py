"""Rows to write, and batches of rows.

Unlogged batches cost a Python client a sixth of what single rows cost. Rows that share a
partition are put together, and the server makes one mutation of them; other rows share batches
freely, which is right for one node. A batch stays under Cassandra's default size limit (50 KiB);
a larger row goes alone, and the limit does not apply to it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cassandra.query import BatchStatement, BatchType

from streams.contracts.times import DAY_S
from streams.sinks.cassandra.session import Session

MAX_TTL_S = 366 * DAY_S
"""Longest time to live of a row that expires, in seconds."""
_BATCH_ROWS = 50
_BATCH_BYTES = 32 * 1024
_VALUE_OVERHEAD = 16


@dataclass(frozen=True, slots=True)
class Insert:
    """Statement that writes a row of a table.

    It has an explicit timestamp and no null, so that writing a row again changes nothing.
    """

    table: str
    partition: tuple[str, ...]
    columns: tuple[str, ...]
    """Rest of the key, then the cells."""
    expires: bool = False
    cql: str = field(init=False)

    def __post_init__(self) -> None:
        names = (*self.partition, *self.columns)
        markers = ", ".join("?" * len(names))
        using = "TIMESTAMP ? AND TTL ?" if self.expires else "TIMESTAMP ?"
        target = f"{self.table} ({', '.join(names)})"
        cql = f"INSERT INTO {target} VALUES ({markers}) USING {using}"  # noqa: S608 - no outside text
        object.__setattr__(self, "cql", cql)


class Write(NamedTuple):
    """One row to write.

    The values are in the order of the insert's columns, followed by the timestamp and, if the row
    expires, the seconds to live.
    """

    insert: Insert
    values: tuple[Any, ...]

    @property
    def partition(self) -> tuple[Any, ...]:
        return self.values[: len(self.insert.partition)]

    @property
    def size(self) -> int:
        """Approximate number of bytes that the row adds to a batch."""
        return sum(
            _VALUE_OVERHEAD + (len(value) if isinstance(value, bytes | str) else 0)
            for value in self.values
        )


def write_all(session: Session, writes: Iterable[Write]) -> None:
    """Write the rows; return when every one is acknowledged as durable."""
    ordered = sorted(writes, key=lambda write: (write.insert.cql, write.partition))
    session.run_all(_bound(session, batch) for batch in batches(ordered))


def batches(writes: Iterable[Write]) -> Iterator[list[Write]]:
    """Yield consecutive rows in batches of bounded count and size."""
    batch: list[Write] = []
    size = 0
    for write in writes:
        if batch and (len(batch) == _BATCH_ROWS or size + write.size > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(write)
        size += write.size
    if batch:
        yield batch


def _bound(session: Session, batch: list[Write]) -> Any:
    if len(batch) == 1:
        return session.prepared(batch[0].insert.cql).bind(batch[0].values)
    statement = BatchStatement(BatchType.UNLOGGED)
    for write in batch:
        statement.add(session.prepared(write.insert.cql), write.values)
    return statement
