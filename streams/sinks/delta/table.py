"""One Delta table that takes each Kafka record once.

Every commit carries, in addition to its files, an application transaction per topic partition: the
offset that the table has reached there. Data and offset are durable together or not at all. A
commit is made against the snapshot whose offsets the caller read: if another process has moved
one of them since, Delta refuses the commit as a whole.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from streams.contracts.arrow import arrow_schema
from streams.contracts.tables import Table
from streams.errors import StoreRefusedError, StoreUnavailableError, UserError

_STORAGE_AWAY = re.compile(
    r"os error (?:28|122|27|30|5)\b|no space left|quota exceeded|read-only file system"
    r"|slow ?down|too many requests|service unavailable|timed out|connection (?:refused|reset)",
    re.IGNORECASE,
)
"""Messages of delta-rs while a disk is full or read-only, or an object store does not answer."""
_WRITER = WriterProperties(compression="ZSTD")


class ConcurrentCommitError(Exception):
    """Commit refused because another process has written the table; refresh and try again."""


class LakeError(UserError):
    """Lake that cannot be used; nothing of the batch may be acknowledged."""


class LakeTable:
    """A table of the lake as of the last `refresh`; for one thread at a time."""

    def __init__(self, lake: Path, table: Table, snapshot: DeltaTable | None = None) -> None:
        """Open the table; `snapshot` is the table if the caller has opened it already."""
        self.table = table
        self.schema = arrow_schema(table)
        self.path = lake / table.name
        with _delta_errors(self.path):
            self._delta = DeltaTable(self.path) if snapshot is None else snapshot

    def refresh(self) -> None:
        """Load what other processes have committed."""
        with _delta_errors(self.path):
            self._delta.update_incremental()

    def last_offset(self, topic: str, partition: int) -> int:
        """Return the last offset of a partition that this table has taken, `-1` if none."""
        version = self._delta.transaction_version(_transaction(topic, partition))
        return -1 if version is None else version

    def bind_topic(self, topic: str, log: str, partitions: Iterable[int]) -> None:
        """Record that the table is filled from the log `log` of the topic, unless it is recorded.

        Offsets mean nothing in another log: those of a topic that was deleted and made again would
        hide its records.

        Args:
            topic: Name of the topic.
            log: Id of the topic, which a topic made again does not share.
            partitions: Partitions of the topic.

        Raises:
            LakeError: The table has taken records of another log.
        """
        marker = f"storyline/{topic}/log/{log}"
        while True:
            self.refresh()
            if self._delta.transaction_version(marker) is not None:
                return
            if any(self.last_offset(topic, partition) >= 0 for partition in partitions):
                raise LakeError(
                    f"{self.path} was filled from another log: {topic} has been made again since",
                    hint="move the lake away or name another with STORYLINE_LAKE; it is made again",
                )
            try:
                self._commit(self.schema.empty_table(), [Transaction(marker, 0)])
            except ConcurrentCommitError:  # by another worker that starts, for the same log
                continue

    def append(self, rows: pa.Table, topic: str, last_offsets: Mapping[int, int]) -> None:
        """Add the rows and their last offsets in one commit.

        Args:
            rows: Rows with the columns of the table.
            topic: Topic of the records.
            last_offsets: Partition -> last offset that the table has taken with the rows.

        Raises:
            ConcurrentCommitError: Another process has moved one of these offsets since the last
                `refresh`; nothing was written.
            StoreRefusedError: A value does not fit its column.
            StoreUnavailableError: The disk is full or the storage does not answer.
            LakeError: The table is broken.
        """
        transactions = [
            Transaction(_transaction(topic, partition), offset)
            for partition, offset in sorted(last_offsets.items())
        ]
        try:
            fitting = rows.cast(self.schema)
        except pa.ArrowInvalid as error:
            reason = f"{self.path.name} cannot hold a value: {_first_line(error)}"
            raise StoreRefusedError(reason) from error
        self._commit(fitting, transactions)

    def _commit(self, rows: pa.Table, transactions: list[Transaction]) -> None:
        with _delta_errors(self.path):
            write_deltalake(
                self._delta,
                rows,
                mode="append",
                writer_properties=_WRITER,
                commit_properties=CommitProperties(app_transactions=transactions),
            )

    def rows(self, columns: Iterable[str], predicate: str) -> pa.Table:
        """Return the rows of the snapshot that an SQL condition selects."""
        with _delta_errors(self.path):
            return pa.table(self._delta.scan(list(columns), predicate))


def create_tables(lake: Path, tables: Iterable[Table]) -> None:
    """Create the tables that do not exist, and add missing columns to the others.

    Any number of processes may do so at once.

    Raises:
        LakeError: A column of a table has another type.
    """
    for table in tables:
        path = lake / table.name
        with _delta_errors(path):
            path.mkdir(parents=True, exist_ok=True)
            if not DeltaTable.is_deltatable(str(path)):
                _create(path, table)
            _bring_up_to_date(path, table)


def _create(path: Path, table: Table) -> None:
    try:
        DeltaTable.create(
            path,
            arrow_schema(table),
            partition_by=list(table.partitioned_by),
            name=table.name,
            description=table.grain,
            # A retry would follow the commit of a faster process with a second definition.
            commit_properties=CommitProperties(max_commit_retries=0),
        )
    except DeltaError:
        if not DeltaTable.is_deltatable(str(path)):  # else another process was faster
            raise


def _bring_up_to_date(path: Path, table: Table) -> None:
    """Add the columns that are new in this release to a table that an earlier one created."""
    declared = DeltaSchema.from_arrow(arrow_schema(table))
    delta = DeltaTable(path)
    present = {field.name: field.type for field in delta.schema().fields}
    for field in declared.fields:
        if field.name in present and present[field.name] != field.type:
            raise LakeError(
                f"{field.name} of {path} is {present[field.name]}, not {field.type}",
                hint="move the table away and restart the lake worker, which makes it again",
            )
    missing = [field for field in declared.fields if field.name not in present]
    if missing:
        delta.alter.add_columns(missing)


def _transaction(topic: str, partition: int) -> str:
    return f"storyline/{topic}/{partition}"


@contextmanager
def _delta_errors(path: Path) -> Iterator[None]:
    """Raise errors of delta-rs as this package's own, in one line each."""
    try:
        yield
    except CommitFailedError as error:
        raise ConcurrentCommitError(f"{path.name}: {_first_line(error)}") from error
    except TableNotFoundError as error:
        raise LakeError(
            f"there is no table at {path}", hint="the lake worker makes its tables when it starts"
        ) from error
    except (DeltaError, OSError) as error:
        if _STORAGE_AWAY.search(str(error)):
            raise StoreUnavailableError(
                f"the lake's storage cannot be written now: {path.name}: {_first_line(error)}"
            ) from error
        raise LakeError(
            f"the lake cannot be used: {path.name}: {_first_line(error)}",
            hint=f"free space or permissions of {path}; docs/lake/bronze.md says what else",
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
