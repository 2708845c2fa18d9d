"""SQL of a person reads the lake's tables and nothing else."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from streams.app.lake.ask import answered_sql, questions
from streams.app.settings import Settings
from streams.errors import UserError
from streams.lakehouse.duck import Limits, opened
from streams.lakehouse.questions import duckdb_sql
from streams.lakehouse.sql_guard import check

READING = (
    "SELECT * FROM numbers",
    "FROM numbers;",
    "WITH few AS (SELECT n FROM numbers) SELECT SUM(n) OVER (ORDER BY n) FROM few",
    "VALUES (1), (2)",
    "DESCRIBE numbers",
    "SUMMARIZE numbers",
    "SHOW TABLES",
    "SELECT x FROM range(3) t(x), unnest([1, 2])",
    "SELECT * FROM numbers PIVOT (SUM(n) FOR n IN (1, 2))",
    "WITH fact_follows AS (SELECT 1) SELECT * FROM fact_follows",
    "-- a comment\nSELECT 'COPY numbers TO x; DROP TABLE numbers'",
)
REFUSED = (
    "",
    "-- nothing",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW numbers",
    "COPY numbers TO '{lake}/x.csv'",
    "COPY numbers TO '{outside}/x.csv'",
    "EXPORT DATABASE '{outside}'",
    "ATTACH '{outside}/x.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET threads = 1",
    "RESET threads",
    "USE other",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "EXPLAIN ANALYZE COPY numbers TO '{lake}/x.csv'",
    "CREATE TABLE x AS SELECT 1",
    'INSERT INTO "delta numbers" VALUES (9)',
    "DELETE FROM numbers",
    "DROP VIEW numbers",
    "PREPARE x AS SELECT 1",
    "CHECKPOINT",
    "SELECT * FROM read_text('{lake}/other.txt')",
    "SELECT * FROM read_csv('{outside}/secret.csv')",
    "SELECT * FROM glob('{outside}/*')",
    "SELECT * FROM delta_scan('{lake}/numbers')",
    "SELECT (SELECT COUNT(*) FROM parquet_metadata('{lake}/numbers/*.parquet'))",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('numbers')",
    "SELECT * FROM json_execute_serialized_sql('')",
    "SELECT * FROM enable_logging(storage := 'file', storage_path := '{lake}/logs')",
    "SELECT * FROM copy_dir('{lake}/numbers', '{lake}/copy')",
    "SELECT write_blob('{lake}/x', 'x'::BLOB)",
    "SELECT Write_Blob('{lake}/x', 'x'::BLOB)",
    "SELECT main.write_blob('{lake}/x', 'x'::BLOB) FROM numbers",
    "SELECT ('{lake}/x').write_blob('x'::BLOB)",
    "SELECT list_transform([1], lambda x: write_blob('{lake}/x', 'x'::BLOB))",
    "SELECT n FROM numbers ORDER BY write_blob('{lake}/x', 'x'::BLOB)",
    "SELECT n FROM numbers LIMIT (SELECT write_blob('{lake}/x', 'x'::BLOB)::INT)",
    "WITH x AS (SELECT write_blob('{lake}/x', 'x'::BLOB)) SELECT 1 FROM x",
    "DESCRIBE SELECT * FROM read_csv('{outside}/secret.csv')",
)
OUT_OF_REACH = (
    "SELECT * FROM '{outside}/secret.csv'",
    "SELECT * FROM '{outside}/secret.parquet'",
    "SELECT * FROM '{lake}/../outside/secret.csv'",
    "SELECT * FROM '{lake}-2/secret.csv'",
    "SELECT * FROM '/etc/passwd'",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A lake with one table, and beside it what nobody may read."""
    lake = tmp_path / "lake"
    write_deltalake(lake / "numbers", pa.table({"n": [1, 2]}))
    (lake / "other.txt").write_text("other")
    for folder in (tmp_path / "outside", tmp_path / "lake-2"):
        folder.mkdir()
        (folder / "secret.csv").write_text("secret\n1\n")
    return Settings(lake=lake)


def ask(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    lake = settings.lake_path
    text = sql.replace("{lake}", str(lake)).replace("{outside}", str(lake.parent / "outside"))
    with answered_sql(settings, text) as answer:
        return list(answer.rows)


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize("sql", READING)
def test_reading_is_answered(settings: Settings, sql: str) -> None:
    assert ask(settings, sql)


@pytest.mark.parametrize("sql", REFUSED)
def test_what_may_do_more_is_refused_before_it_runs(settings: Settings, sql: str) -> None:
    before = everything(settings.lake_path.parent)
    with pytest.raises(UserError, match="not run") as refused:
        ask(settings, sql)
    assert refused.value.exit_code == 2
    assert refused.value.hint
    assert everything(settings.lake_path.parent) == before


@pytest.mark.parametrize(
    ("sql", "kinds"),
    [("", "no statement"), ("SELECT 1; DROP VIEW numbers", "SELECT, DROP"), ("CHECKPOINT", "CALL")],
)
def test_refusal_names_the_kinds_of_statements(settings: Settings, sql: str, kinds: str) -> None:
    with pytest.raises(UserError, match=f"^this SQL is not run: it is {kinds}$"):
        ask(settings, sql)


@pytest.mark.parametrize("sql", OUT_OF_REACH)
def test_files_outside_the_lake_cannot_be_read(settings: Settings, sql: str) -> None:
    with pytest.raises(UserError) as refused:
        ask(settings, sql)
    assert "secret" not in refused.value.message.replace("secret.", "")


def test_duckdb_itself_keeps_to_the_lake(settings: Settings) -> None:
    outside = settings.lake_path.parent / "outside"
    with opened(settings.lake_path, Limits()) as session:
        for sql in (
            f"FROM read_csv('{outside}/secret.csv')",
            f"COPY numbers TO '{outside}/x.csv'",
            f"ATTACH '{outside}/x.db'",
            "INSTALL httpfs",
            "SET enable_external_access = true",
            "SET allowed_directories = ['/']",
            'INSERT INTO "delta numbers" VALUES (9)',
        ):
            with pytest.raises(Exception, match=r"disabled|locked|read-only|Cannot|cannot"):
                session.execute(sql)
    assert everything(outside) == {outside / "secret.csv"}


def test_the_questions_themselves_only_read(settings: Settings) -> None:
    with opened(settings.lake_path, Limits()) as session:
        for question in questions().values():
            check(session, duckdb_sql(question))


@pytest.mark.parametrize(
    ("sql", "message", "hint"),
    [
        ("SELEC 1", "syntax error", "LINE 1: SELEC 1\n          ^"),
        ("SELECT m FROM numbers", "Candidate bindings", "LINE 1"),
        ("SELECT * FROM numbrs", 'Did you mean "numbers"', "LINE 1"),
        ("SELECT 'a'::INT", "Could not convert string 'a' to INT32", "LINE 1"),
        ("SELECT n::DATE FROM numbers", "cast", None),
    ],
)
def test_wrong_sql_is_told_by_duckdb(
    settings: Settings, sql: str, message: str, hint: str | None
) -> None:
    with pytest.raises(UserError, match=message) as wrong:
        ask(settings, sql)
    assert "\n" not in wrong.value.message
    assert wrong.value.exit_code == 1
    if hint:
        assert hint in (wrong.value.hint or "")
