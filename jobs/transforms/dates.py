"""Rows of the calendar."""

from datetime import date

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import (
    col,
    dayofmonth,
    expr,
    extract,
    lit,
    month,
    quarter,
    to_date,
    trunc,
    weekday,
    weekofyear,
    year,
)


def dates(session: SparkSession, first: date, last: date) -> DataFrame:
    """Return the rows of dim_date from `first` to `last`, both included."""
    return calendar(consecutive(session, first, last))


def consecutive(session: SparkSession, first: date, last: date) -> DataFrame:
    """Return every day (date) from `first` to `last`, both included."""
    count = (last - first).days + 1
    return session.range(count).select(
        expr(f"date_add(DATE '{first.isoformat()}', CAST(id AS INT))").alias("date")
    )


def calendar(days: DataFrame) -> DataFrame:
    """Return the rows of dim_date for distinct days (date)."""
    day = col("date")
    iso_weekday = weekday(day) + 1
    return days.select(
        day,
        year(day).alias("year"),
        quarter(day).alias("quarter"),
        month(day).alias("month"),
        dayofmonth(day).alias("day"),
        extract(lit("YEAROFWEEK"), day).cast("int").alias("iso_year"),
        weekofyear(day).alias("iso_week"),
        iso_weekday.alias("iso_weekday"),
        (iso_weekday >= 6).alias("is_weekend"),
        to_date(trunc(day, "week")).alias("week_start"),
        to_date(trunc(day, "month")).alias("month_start"),
    )
