"""Values of answers in JSON, and parameters of questions."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from streams.lakehouse.answers import is_id, json_row, plain, time_text
from streams.lakehouse.questions import QuestionError, duckdb_sql, parse_question, tables_read

EXACT = 2**53 - 1
HEADER = """\
-- title: A title
-- about: some words,
--   and more
-- column day: the day
-- column people [people]: how many
-- chart: line x=day y=people
"""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (EXACT, EXACT),
        (EXACT + 1, str(EXACT + 1)),
        (-EXACT, -EXACT),
        (-EXACT - 1, str(-EXACT - 1)),
        (-(2**60), str(-(2**60))),
        (0, 0),
        (True, True),
        (None, None),
        (1.5, 1.5),
        (Decimal(-(2**60)), str(-(2**60))),
        (Decimal("12.00"), 12),
        (Decimal("12.50"), "12.50"),
        (date(2026, 3, 2), "2026-03-02"),
        (b"\x00\xff", "00ff"),
        ([2**60, None], [str(2**60), None]),
        ((1, b"\x01"), [1, "01"]),
        ({"user_id": 5, "n": 5}, {"user_id": "5", "n": 5}),
        (timedelta(seconds=1), "0:00:01"),
    ],
)
def test_value_in_json(value: Any, expected: Any) -> None:
    found = plain(value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (0, "2026-03-02T12:00:00.000000Z"),
        (9, "2026-03-02T03:00:00.000000Z"),
        (-8, "2026-03-02T20:00:00.000000Z"),
    ],
)
def test_time_of_any_zone_is_told_in_utc(hours: int, expected: str) -> None:
    zone = UTC if hours == 0 else timezone(timedelta(hours=hours))
    assert time_text(datetime(2026, 3, 2, 12, tzinfo=zone)) == expected


def test_time_without_a_zone_names_none() -> None:
    assert time_text(datetime(2026, 3, 2, 12, 0, 0, 7)) == "2026-03-02T12:00:00.000007"


def test_ids_of_a_row_are_strings_and_numbers_are_not() -> None:
    columns = ("post_id", "author_sk", "repost_of", "likes", "name")
    assert json_row(columns, (1, 2, None, 3, "4")) == {
        "post_id": "1",
        "author_sk": "2",
        "repost_of": None,
        "likes": 3,
        "name": "4",
    }
    assert not is_id("identity")


def question(sql: str) -> str:
    found = parse_question("any", HEADER + sql)
    assert found.parameters == tuple(p for p in ("since", "until", "limit") if f" :{p}" in sql)
    return duckdb_sql(found)


def test_cast_is_no_parameter() -> None:
    sql = "SELECT x::date AS day, 1 AS people FROM t WHERE x::date >= :since LIMIT :limit"
    assert question(sql) == sql.replace(" :since", " $since").replace(" :limit", " $limit")
    assert question("SELECT a::varchar::date AS day FROM t") == (
        "SELECT a::varchar::date AS day FROM t"
    )


def test_tables_of_a_question_with_casts_and_parameters() -> None:
    sql = "SELECT t.x::date FROM t JOIN u ON t.k = u.k WHERE t.x >= :since"
    assert tables_read(parse_question("any", HEADER + sql)) == {"t", "u"}


def test_unknown_parameter_is_refused_by_name() -> None:
    with pytest.raises(QuestionError, match=":whenever"):
        parse_question("any", HEADER + "SELECT 1 WHERE x > :whenever")


def test_header_is_read_whole() -> None:
    found = parse_question("any", HEADER + "SELECT 1")
    assert (found.title, found.about) == ("A title", "some words, and more")
    assert [tuple(meaning) for meaning in map(_fields, found.meanings)] == [
        ("day", "the day", ""),
        ("people", "how many", "people"),
    ]


def _fields(meaning: Any) -> tuple[str, str, str]:
    return meaning.column, meaning.text, meaning.unit


@pytest.mark.parametrize(
    ("line", "text", "number"),
    [
        ("-- chart: line x=day y=people", "-- chart: pie x=day y=people", 6),
        ("-- title: A title", "-- heading: A title", 1),
        ("-- title: A title", "-- title", 1),
    ],
)
def test_bad_header_names_its_line(line: str, text: str, number: int) -> None:
    with pytest.raises(QuestionError, match=f"any, line {number}: "):
        parse_question("any", HEADER.replace(line, text) + "SELECT 1")
