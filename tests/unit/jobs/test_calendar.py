"""The calendar has whole years around facts of 2000 to 2099, and single days outside."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.dim_date import FIRST, LAST, extend
from jobs.lake import Lake
from streams.contracts.tables import DIM_DATE, FACT_FOLLOWS
from tests.support.lake_rows import rows_of
from tests.support.lakes import write_table

YEAR_1, YEAR_9999 = date(1, 1, 1), date(9999, 12, 31)


def follow(number: int, day: date) -> dict[str, object]:
    ids = {"event_id": number, "follower_id": 1, "followee_id": 2}
    keys = {"follower_sk": 10, "followee_sk": 20, "event_type": "follow"}
    return {**ids, **keys, "event_date": day, "occurred_at": datetime.combine(day, time(), UTC)}


@pytest.mark.parametrize(
    ("facts", "first", "last", "outside"),
    [
        ([date(2026, 3, 2)], date(2025, 1, 1), date(2027, 12, 31), []),
        ([FIRST], FIRST, date(2001, 12, 31), []),
        ([LAST], date(2098, 1, 1), LAST, []),
        (
            [YEAR_1, date(2026, 3, 2), YEAR_9999],
            date(2025, 1, 1),
            date(2027, 12, 31),
            [YEAR_1, YEAR_9999],
        ),
    ],
    ids=["middle", "first-year", "last-year", "years-1-and-9999"],
)
def test_calendar_is_whole_years_within_its_bounds_and_single_days_outside(
    spark: SparkSession,
    tmp_path: Path,
    facts: Sequence[date],
    first: date,
    last: date,
    outside: Sequence[date],
) -> None:
    write_table(tmp_path, DIM_DATE)
    write_table(tmp_path, FACT_FOLLOWS, [follow(n, day) for n, day in enumerate(facts)])
    years = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    lake = Lake(str(tmp_path))
    assert extend(spark, lake) == len(years) + len(outside)
    assert {row["date"] for row in rows_of(tmp_path, "dim_date")} == {*years, *outside}
    assert extend(spark, lake) == 0
