"""Calendar months (UTC) as integers yyyymm: the buckets that bound index partitions."""

import time
from calendar import timegm
from collections.abc import Iterator
from functools import lru_cache

from streams.contracts.ids import EPOCH_MS, id_time, make_id
from streams.contracts.times import DAY_MS, DAY_S


def month_of(snowflake: int) -> int:
    """Return the month in which an id was made."""
    return _month_of_day(id_time(snowflake) // DAY_MS)


def first_id(month: int) -> int:
    """Return the first id that may be made in a month."""
    year, number = divmod(month, 100)
    return make_id(max(1000 * timegm((year, number, 1, 0, 0, 0)), EPOCH_MS))


@lru_cache(maxsize=4096)
def _month_of_day(day: int) -> int:
    moment = time.gmtime(day * DAY_S)
    return moment.tm_year * 100 + moment.tm_mon


def months_between(first: int, last: int) -> Iterator[int]:
    """Yield the months from `first` to `last`, both included."""
    month = first
    while month <= last:
        yield month
        month += 89 if month % 100 == 12 else 1
