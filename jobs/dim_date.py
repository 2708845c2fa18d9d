"""Job of `dim_date`: a calendar around the facts, and the days beyond it that really occur.

One event may carry any time of the years 1 to 9999. A calendar without gaps from there to the other
facts would have millions of rows, so it ends at `FIRST` and `LAST`; outside, only days of a fact or
content get a row. A join on a day therefore always finds its row.
"""

from datetime import date
from typing import Final

from pyspark.sql import DataFrame, SparkSession

from jobs.lake import Lake, exists, read
from jobs.merges import statement
from jobs.transforms.dates import calendar, consecutive
from streams.contracts.tables import DIM_DATE, DIM_POSTS, DIM_STORIES, FACT_ENGAGEMENT, FACT_FOLLOWS

FIRST: Final = date(2000, 1, 1)
LAST: Final = date(2099, 12, 31)
"""`FIRST` to `LAST` are the years that the calendar covers without gaps if there are facts."""

_VIEW: Final = "dim_date_rows"
_DAYS: Final = (
    (FACT_ENGAGEMENT, "event_date"),
    (FACT_FOLLOWS, "event_date"),
    (DIM_POSTS, "created_date"),
    (DIM_STORIES, "created_date"),
)
"""Columns that join with `dim_date`."""


def extend(session: SparkSession, lake: Lake) -> int:
    """Add the missing days and return their number.

    Between `FIRST` and `LAST` these are whole years, from the year before the first day of the
    facts and content to the year after the last; outside, only the days that occur.
    """
    days = [
        read(session, lake, table.name).selectExpr(f"{day} AS date")
        for table, day in _DAYS
        if exists(session, lake, table.name)  # a missing table is another job's failure
    ]
    spans = [span for span in map(_span, days) if span is not None]
    if not spans:
        return 0
    are_inside = all(first >= FIRST and last <= LAST for first, last in spans)
    if not are_inside:
        spans = [span for span in (_span(day.where(_INSIDE)) for day in days) if span is not None]
    present = read(session, lake, DIM_DATE.name).select("date")
    span = _years(spans)
    if are_inside and _covers(_span(present.where(_INSIDE)), span):
        return 0
    needed = consecutive(session, *span) if span else present.limit(0)
    if not are_inside:
        for day in days:
            needed = needed.unionByName(day.where(f"NOT ({_INSIDE})"))
    missing = needed.distinct().join(present, "date", "left_anti")
    calendar(missing).createOrReplaceTempView(_VIEW)
    text = statement("dim_date", DIM_DATE, target=lake.sql_name(DIM_DATE.name), rows=_VIEW)
    if missing.isEmpty():
        return 0
    [merged] = session.sql(text).collect()
    return int(merged["num_inserted_rows"])


_INSIDE: Final = f"date BETWEEN DATE '{FIRST.isoformat()}' AND DATE '{LAST.isoformat()}'"

Span = tuple[date, date]
"""First and last day."""


def _span(days: DataFrame) -> Span | None:
    """Return the first and last day, which Delta mostly knows from its log; `None` if empty."""
    [row] = days.selectExpr("min(date) AS first", "max(date) AS last").collect()
    return None if row["first"] is None else (row["first"], row["last"])


def _years(spans: list[Span]) -> Span | None:
    """Return the whole years around the spans, one more on either side, within the calendar."""
    if not spans:
        return None
    first = date(min(span[0] for span in spans).year - 1, 1, 1)
    last = date(max(span[1] for span in spans).year + 1, 12, 31)
    return max(first, FIRST), min(last, LAST)


def _covers(present: Span | None, span: Span | None) -> bool:
    """Return whether the days present, which have no gap, include the whole span."""
    if span is None:
        return True
    return present is not None and present[0] <= span[0] and span[1] <= present[1]
