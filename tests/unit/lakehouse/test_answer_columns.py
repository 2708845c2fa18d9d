"""Which columns of an answer hold numbers, and what becomes of an error among its rows."""

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from streams.errors import UserError
from streams.lakehouse.answers import is_numeric, run
from streams.lakehouse.duck import Limits, connected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (pa.int8(), True),
        (pa.uint64(), True),
        (pa.float32(), True),
        (pa.float64(), True),
        (pa.decimal128(38, 2), True),
        (pa.bool_(), False),
        (pa.string(), False),
        (pa.timestamp("us", tz="UTC"), False),
        (pa.date32(), False),
        (pa.list_(pa.int64()), False),
    ],
    ids=str,
)
def test_integers_floats_and_decimals_are_numeric(kind: pa.DataType, expected: bool) -> None:
    assert is_numeric(kind) == expected


@pytest.fixture
def session() -> Iterator[duckdb.DuckDBPyConnection]:
    with connected(Limits(memory_mb=512, threads=1)) as session:
        yield session


def test_numbers_of_an_answer_are_no_ids(session: duckdb.DuckDBPyConnection) -> None:
    found = run(session, "SELECT 7 AS user_id, 7 AS post_sk, 1 AS likes, 0.5 AS share, 'x' AS note")
    assert found.columns == ("user_id", "post_sk", "likes", "share", "note")
    assert found.numeric == {"likes", "share"}


def test_error_in_a_late_row_is_an_error_of_the_user(session: duckdb.DuckDBPyConnection) -> None:
    found = run(
        session,
        "SELECT CASE WHEN n = 199_999 THEN error('late') ELSE n END AS n FROM range(200_000) t(n)",
    )
    with pytest.raises(UserError, match="late"):
        list(found.rows)
