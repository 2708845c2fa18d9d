"""Every question's answer against plain Python over the same rows, in DuckDB and in Spark."""

import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from streams.app.lake.ask import Options, answered, questions
from streams.app.settings import Settings
from streams.contracts.tables import STAR
from streams.lakehouse.questions import DEFAULTS
from tests.oracle.lake_answers import ANSWERS, Asked, Star
from tests.support.lake_stars import random_star, some_days, write_star

SEEDS = (1, 2)
EVERYTHING = Asked(DEFAULTS["since"], DEFAULTS["until"], DEFAULTS["limit"])

Rows = list[tuple[Any, ...]]
Made = tuple[Path, Star, random.Random]


@pytest.fixture(scope="module", params=SEEDS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A lake, the rows in it, and where to draw what is asked."""
    lake = tmp_path_factory.mktemp("lake")
    star = random_star(request.param)
    write_star(lake, star)
    return lake, star, random.Random(request.param)


def in_duckdb(lake: Path, name: str, asked: Asked) -> Rows:
    question = questions()[name]
    given = {key: getattr(asked, key) for key in question.parameters}
    with answered(Settings(lake=lake), question, Options(**given)) as answer:
        assert answer.columns == tuple(meaning.column for meaning in question.meanings)
        return list(answer.rows)


def narrowed(draw: random.Random) -> Iterator[Asked]:
    for _ in range(3):
        yield Asked(*some_days(draw), limit=draw.randint(1, 5))


def test_every_question_is_judged() -> None:
    assert set(ANSWERS) == set(questions())


@pytest.mark.parametrize("name", ANSWERS)
def test_duckdb_answers_as_plain_python_does(made: Made, name: str) -> None:
    lake, star, _ = made
    expected = ANSWERS[name](star, EVERYTHING)
    assert len(expected) > 3
    assert in_duckdb(lake, name, EVERYTHING) == expected


@pytest.mark.parametrize("name", ANSWERS)
def test_options_narrow_the_answer(made: Made, name: str) -> None:
    lake, star, draw = made
    for asked in narrowed(draw):
        assert in_duckdb(lake, name, asked) == ANSWERS[name](star, asked), asked


@pytest.mark.parametrize("name", ANSWERS)
def test_days_without_facts_have_no_rows(made: Made, name: str) -> None:
    lake, _, _ = made
    nothing = Asked(date(2020, 1, 1), date(2020, 1, 31), 5)
    assert in_duckdb(lake, name, nothing) == []


@pytest.mark.parametrize("name", ANSWERS)
def test_an_empty_star_has_no_answer(tmp_path: Path, name: str) -> None:
    write_star(tmp_path, Star([], [], [], [], []))
    assert in_duckdb(tmp_path, name, EVERYTHING) == []


@pytest.fixture(scope="module")
def in_spark(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SparkSession, Star]]:
    """A star whose tables are views of Spark's, by their names."""
    lake = tmp_path_factory.mktemp("spark-lake")
    star = random_star(3)
    write_star(lake, star)
    for table in STAR:
        frame = spark.read.format("delta").load(str(lake / table.name))
        frame.createOrReplaceTempView(table.name)
    yield spark, star
    for table in STAR:
        spark.catalog.dropTempView(table.name)


@pytest.mark.parametrize("name", ANSWERS)
def test_spark_answers_the_same_sql_alike(name: str, in_spark: tuple[SparkSession, Star]) -> None:
    session, star = in_spark
    question = questions()[name]
    for asked in (EVERYTHING, Asked(date(2026, 3, 1), date(2026, 3, 5), 3)):
        given = {key: getattr(asked, key) for key in question.parameters}
        rows = session.sql(question.sql, args=given).collect()
        assert [tuple(row) for row in rows] == ANSWERS[name](star, asked), asked
