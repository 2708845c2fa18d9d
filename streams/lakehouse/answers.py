"""Answers to questions: columns and rows, and their form in JSON for scripts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import Any, Final

import duckdb
import pyarrow as pa

from streams.contracts.times import rfc3339
from streams.lakehouse.duck import interruptible
from streams.lakehouse.sql_guard import sql_error

_BATCH_ROWS: Final = 10_000
_EXACT: Final = (1 << 53) - 1
"""Largest whole number that every reader of JSON keeps exactly."""
_ID_ENDINGS: Final = ("_id", "_sk")
_IDS: Final = frozenset({"reply_to", "reply_to_author", "repost_of", "repost_of_author"})

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class QuestionAnswer:
    """Columns and rows, in the order of the SQL. The rows can be read once.

    `numeric` names the columns of numbers that are not ids.
    """

    columns: tuple[str, ...]
    numeric: frozenset[str]
    rows: Iterator[Row]

    def with_first_row(self) -> "QuestionAnswer":
        """Return the answer with its first row computed, after which little time is spent."""
        first = list(islice(self.rows, 1))
        return replace(self, rows=chain(first, self.rows))


def run(
    session: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, Any] | None = None
) -> QuestionAnswer:
    """Run a SELECT and return its answer, whose rows are fetched as they are read.

    Args:
        values: what is bound to each `$name` of the SQL.

    Raises:
        UserError: DuckDB refuses the SQL.
    """
    bound = dict(values) if values else None
    try:
        reader = interruptible(
            session, lambda: session.execute(sql, bound).to_arrow_reader(_BATCH_ROWS)
        )
    except duckdb.Error as error:
        raise sql_error(error) from error
    schema = reader.schema
    numeric = frozenset(
        field.name for field in schema if is_numeric(field.type) and not is_id(field.name)
    )
    return QuestionAnswer(tuple(schema.names), numeric, _rows(session, reader))


def is_id(column: str) -> bool:
    """Return whether a column of this name holds ids or surrogate keys."""
    return column in _IDS or column.endswith(_ID_ENDINGS)


def is_numeric(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def json_row(columns: tuple[str, ...], row: Row) -> dict[str, Any]:
    """Return a row as a JSON object: ids as strings, other values as `plain` converts them."""
    return {
        name: str(value) if is_id(name) and isinstance(value, int) else plain(value)
        for name, value in zip(columns, row, strict=True)
    }


def plain(value: Any) -> Any:
    """Return a value in JSON's own types.

    Whole numbers beyond 2^53 - 1 become strings, and times become texts as RFC 3339 writes them.
    """
    match value:
        case bool() | None | str() | float():
            return value
        case int():
            return value if -_EXACT <= value <= _EXACT else str(value)
        case Decimal():
            return plain(int(value)) if value == value.to_integral_value() else str(value)
        case datetime():
            return time_text(value)
        case date():
            return value.isoformat()
        case list() | tuple():
            return [plain(inner) for inner in value]
        case dict():
            return json_row(tuple(value), tuple(value.values()))
        case bytes():
            return value.hex()
    return str(value)


def time_text(value: datetime) -> str:
    """Return `2026-03-02T12:00:00.000000Z`; a time that names no zone stays without one."""
    if value.tzinfo is None:
        return value.isoformat(timespec="microseconds")
    return rfc3339(value.astimezone(UTC), "microseconds")


def _rows(session: duckdb.DuckDBPyConnection, reader: pa.RecordBatchReader) -> Iterator[Row]:
    try:
        while (batch := interruptible(session, lambda: next(reader, None))) is not None:
            columns = [column.to_pylist() for column in batch.columns]
            yield from zip(*columns, strict=True)
    except (pa.ArrowException, OSError) as error:  # OSError for DuckDB's own errors
        raise sql_error(duckdb.Error(str(error))) from error
