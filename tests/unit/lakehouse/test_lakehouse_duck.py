"""Opening a lake: what is missing or broken is told, and one answer has one state."""

import shutil
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from streams.app.lake.ask import Options, answered, answered_sql, questions
from streams.app.settings import Settings
from streams.errors import UserError
from streams.lakehouse.duck import Limits, opened
from tests.oracle.lake_answers import Star
from tests.support.lake_stars import write_star
from tests.support.messages import produces


def test_a_missing_lake_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match="there is no lake at") as missing,
        answered_sql(Settings(lake=tmp_path / "lake"), "SELECT 1"),
    ):
        pass
    assert "storyline lake run" in str(missing.value.hint)


@produces("the lake … has no table …")
@pytest.mark.parametrize(
    ("table", "maker"),
    [
        ("fact_engagement", "storyline lake run"),
        ("bronze_likes", "storyline run lake"),
        ("quarantine", "storyline run lake"),
    ],
)
def test_a_missing_table_is_told_with_what_makes_it(tmp_path: Path, table: str, maker: str) -> None:
    with (
        pytest.raises(UserError, match=f"has no table {table}") as missing,
        answered_sql(Settings(lake=tmp_path), f"FROM {table}"),
    ):
        pass
    assert maker in str(missing.value.hint)


def test_a_question_names_the_table_that_it_misses(tmp_path: Path) -> None:
    write_star(tmp_path, Star([], [], [], [], []))
    shutil.rmtree(tmp_path / "fact_follows")
    with (
        pytest.raises(UserError, match="has no table fact_follows"),
        answered(Settings(lake=tmp_path), questions()["follower-growth"], Options()),
    ):
        pass
    with answered(Settings(lake=tmp_path), questions()["top-creators"], Options()) as answer:
        assert list(answer.rows) == []


@produces("table … cannot be read", "table … at … cannot be read: …")
def test_a_table_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "numbers", pa.table({"n": [1]}))
    (tmp_path / "numbers" / "_delta_log" / ("0" * 20 + ".json")).write_text("{broken")
    with (
        pytest.raises(UserError, match=r"table numbers at .* cannot be read"),
        answered_sql(Settings(lake=tmp_path), "SELECT * FROM numbers"),
    ):
        pass


BROKEN = "{broken"


@pytest.fixture
def half_broken(tmp_path: Path) -> Settings:
    """A lake with a table that can be read and one that cannot."""
    write_deltalake(tmp_path / "whole", pa.table({"n": [1, 2]}))
    write_deltalake(tmp_path / "Torn", pa.table({"n": [1]}))
    (tmp_path / "Torn" / "_delta_log" / ("0" * 20 + ".json")).write_text(BROKEN)
    return Settings(lake=tmp_path)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT SUM(n) FROM whole",
        "SELECT SUM(n) FROM WHOLE",
        'SELECT SUM(n) FROM main."Whole"',
        "WITH torn AS (FROM whole) SELECT SUM(n) FROM torn",
        "FROM (WITH whole AS (SELECT 3 AS n) FROM whole) WHERE n > (SELECT MAX(n) FROM whole)",
        "SELECT 3 WHERE EXISTS (FROM whole)",
        "SELECT 3",
    ],
)
def test_sql_needs_only_the_tables_that_it_names(half_broken: Settings, sql: str) -> None:
    with answered_sql(half_broken, sql) as answer:
        assert list(answer.rows) == [(3,)]


@pytest.mark.parametrize(
    "sql", ["FROM torn", "SELECT (SELECT MAX(n) FROM Torn)", "FROM whole JOIN torn USING (n)"]
)
def test_sql_that_names_a_broken_table_says_so(half_broken: Settings, sql: str) -> None:
    with (
        pytest.raises(UserError, match=r"table Torn at .* cannot be read"),
        answered_sql(half_broken, sql) as answer,
    ):
        list(answer.rows)


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW TABLES",
        "SELECT table_name FROM information_schema.tables WHERE table_catalog = 'memory'",
    ],
)
def test_a_broken_table_is_still_listed(half_broken: Settings, sql: str) -> None:
    with answered_sql(half_broken, sql) as answer:
        assert sorted(name for (name,) in answer.rows) == ["Torn", "whole"]


def test_a_misspelt_table_suggests_the_nearest(half_broken: Settings) -> None:
    with (
        pytest.raises(UserError, match='Did you mean "whole"'),
        answered_sql(half_broken, "FROM whol"),
    ):
        pass


def test_a_data_file_that_is_gone_is_an_error_and_no_empty_answer(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "numbers", pa.table({"n": [1]}))
    for file in (tmp_path / "numbers").glob("*.parquet"):
        file.unlink()
    sql = "SELECT SUM(n) FROM numbers"
    with (
        pytest.raises(UserError, match="No such file"),
        answered_sql(Settings(lake=tmp_path), sql) as answer,
    ):
        list(answer.rows)


def test_what_is_written_meanwhile_is_not_seen(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "numbers", pa.table({"n": [1]}))
    count = "SELECT COUNT(*) FROM numbers"
    with opened(tmp_path, Limits()) as session:
        write_deltalake(tmp_path / "numbers", pa.table({"n": [2]}), mode="append")
        assert session.execute(count).fetchall() == [(1,)]
    with opened(tmp_path, Limits()) as session:
        assert session.execute(count).fetchall() == [(2,)]


def test_names_and_folders_may_hold_quotes(tmp_path: Path) -> None:
    lake = tmp_path / "a 'lake'"
    write_deltalake(lake / 'my "numbers"', pa.table({"n": [1]}))
    with opened(lake, Limits()) as session:
        assert session.execute('SELECT n FROM "my ""numbers"""').fetchall() == [(1,)]


def test_limits_are_kept(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "numbers", pa.table({"n": [1]}))
    with opened(tmp_path, Limits(memory_mb=300, threads=1)) as session:
        settings = session.execute(
            "SELECT current_setting('threads'), current_setting('memory_limit')"
        ).fetchall()
        assert settings == [(1, "300.0 MiB")]
        with pytest.raises(duckdb.OutOfMemoryException):
            session.execute("SELECT list(n) FROM range(200_000_000) t(n)").fetchall()
