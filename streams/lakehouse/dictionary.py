"""Data dictionary: every table of the lake and every column, as Markdown."""

from collections.abc import Iterable, Iterator
from typing import Final

from streams.contracts.bronze import QUARANTINE_TABLE, USER_ROW, bronze_table
from streams.contracts.tables import BRONZE, STAR, USER, Column, Table

_INTRODUCTION: Final = """\
# Data dictionary

The tables of the lake: one folder each, in Delta format, which DuckDB, Polars, delta-rs, Spark and
others read. This page is made from the declarations that also make the tables, by
`storyline lake dictionary > docs/lake/data-dictionary.md`.

Types are Spark SQL's. A TIMESTAMP is an instant in UTC, to the microsecond. Ids are 64-bit numbers,
which JSON shows as strings. *Null* says when a column has no value; where it is empty, it always
has one.
"""
_STAR: Final = """\
## The star

What the log means, written by the Spark jobs. Facts name people twice: by id, and by the surrogate
key (`_sk`) of the version of their profile at event time, a row of `dim_users`.
"""
_BRONZE: Final = """\
## Bronze

What the log said: one row per Kafka record, duplicates of events included, written by the `lake`
worker. To get each event once, read the facts.
"""
_QUARANTINE: Final = """\
## Quarantine

The records that no bronze table could take. Log = bronze + quarantine.
"""


def data_dictionary() -> str:
    """Return the whole page, which depends on the code alone."""
    return "\n".join(_page())


def _page() -> Iterator[str]:
    yield _INTRODUCTION
    yield _STAR
    for table in STAR:
        yield from _section(table)
    yield _BRONZE
    for topic in BRONZE:
        yield from _section(bronze_table(topic))
    yield "### A row of users\n\nThe fields of `before` and `after` in `bronze_users_cdc`.\n"
    yield from _columns(USER)
    yield _QUARANTINE
    yield from _section(QUARANTINE_TABLE)


def _section(table: Table) -> Iterator[str]:
    yield f"### {table.name}\n"
    yield f"One row: {table.grain}.{_partitions(table)}\n"
    yield from _columns(table.columns)
    if table.checks:
        yield "Every row keeps to:\n"
        yield from (f"- `{name}`: `{condition}`" for name, condition in table.checks)
        yield ""


def _partitions(table: Table) -> str:
    if not table.partitioned_by:
        return ""
    return f" Partitioned by {', '.join(f'`{name}`' for name in table.partitioned_by)}."


def _columns(columns: Iterable[Column]) -> Iterator[str]:
    yield "| column | type | meaning | null |"
    yield "|---|---|---|---|"
    for column in columns:
        cells = (f"`{column.name}`", _type(column), column.comment, column.null)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""


def _type(column: Column) -> str:
    if column.type == USER_ROW:
        return "STRUCT: [a row of users](#a-row-of-users)"
    return f"`{column.type}`"
