"""Keeps `dim_date`: the days of the facts, and a year on either side for whoever looks beyond."""

from datetime import date
from typing import Final

from pyspark.sql import SparkSession

from jobs.lake import Lake, read
from jobs.merges import statement
from jobs.transforms.dates import dates
from streams.contracts.tables import DIM_DATE, FACT_ENGAGEMENT, FACT_FOLLOWS

_VIEW: Final = "dim_date_rows"


def extend(session: SparkSession, lake: Lake) -> int:
    """Add the days that are lacking; returns how many. Whole years, at least one more each way."""
    spans = [_span(session, lake, fact.name, "event_date") for fact in _FACTS]
    told = [span for span in spans if span is not None]
    if not told:
        return 0
    first = date(max(min(span[0] for span in told).year - 1, 1), 1, 1)
    last = date(min(max(span[1] for span in told).year + 1, 9999), 12, 31)
    there = _span(session, lake, DIM_DATE.name, "date")
    if there is not None and there[0] <= first and last <= there[1]:
        return 0
    # Without a gap, whatever there is.
    first, last = min(first, *(there or [first])), max(last, *(there or [last]))
    dates(session, first, last).createOrReplaceTempView(_VIEW)
    text = statement("dim_date", DIM_DATE, target=lake.sql_name(DIM_DATE.name), rows=_VIEW)
    [done] = session.sql(text).collect()
    return int(done["num_inserted_rows"])


_FACTS: Final = (FACT_ENGAGEMENT, FACT_FOLLOWS)


def _span(session: SparkSession, lake: Lake, table: str, column: str) -> tuple[date, date] | None:
    """First and last day of a table, which Delta knows from its log; None if it is empty."""
    [row] = (
        read(session, lake, table)
        .selectExpr(f"min({column}) AS first", f"max({column}) AS last")
        .collect()
    )
    return None if row["first"] is None else (row["first"], row["last"])
