"""The header of a question: what it must tell, and what is wrong with one that does not."""

from pathlib import Path

import pytest

from streams.app.lake.ask import QUESTIONS, questions
from streams.lakehouse.questions import (
    Chart,
    ChartKind,
    Meaning,
    QuestionError,
    duckdb_sql,
    parse_question,
    read_questions,
    tables_read,
)

GOOD = """\
-- title: Likes: by day
-- about: The likes
--   of each day.
-- column day: the day, UTC
-- column likes [a: b]: how many
-- column share: of all
-- chart: line x=day y=likes,share
SELECT day, likes::BIGINT, share FROM facts
WHERE day BETWEEN :since AND :until
"""


def test_a_header_is_read() -> None:
    question = parse_question("likes", GOOD)
    assert question.title == "Likes: by day"
    assert question.about == "The likes of each day."
    assert question.meanings == (
        Meaning("day", "the day, UTC"),
        Meaning("likes", "how many", "a: b"),
        Meaning("share", "of all"),
    )
    assert question.chart == Chart(ChartKind.LINE, "day", ("likes", "share"))
    assert question.parameters == ("since", "until")
    assert question.sql.startswith("SELECT")


def test_parameters_become_duckdbs_and_casts_stay() -> None:
    sql = duckdb_sql(parse_question("likes", GOOD))
    assert "likes::BIGINT" in sql
    assert "BETWEEN $since AND $until" in sql


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("-- title: Likes: by day\n", "", "likes: title, about, column and chart"),
        ("-- chart: line x=day y=likes,share\n", "", "likes: title, about, column and chart"),
        ("line x=day", "pie x=day", "likes, line 7: `line or bar"),
        ("y=likes,share", "y=", "likes, line 7: `line or bar"),
        ("y=likes,share", "y=likes,nothing", "nothing, which is no column"),
        ("-- title:", "-- titel:", "likes, line 1: 'titel' means nothing"),
        ("-- column day: ", "-- column: ", "likes, line 4: 'column' means nothing"),
        ("-- title: ", "--title: ", "likes, line 1: `-- key: text`"),
        (":until", ":untill", "no parameter :untill"),
        (":until", "':none'", "no parameter :none"),
    ],
)
def test_what_is_wrong_with_a_header_is_told(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(QuestionError, match=message):
        parse_question("likes", GOOD.replace(old, new))


def test_questions_are_named_by_their_files(tmp_path: Path) -> None:
    (tmp_path / "likes_by_day.sql").write_text(GOOD)
    (tmp_path / "notes.txt").write_text("no question")
    assert list(read_questions(tmp_path)) == ["likes-by-day"]


def test_every_file_is_a_question() -> None:
    assert len(questions()) == len(list(QUESTIONS.iterdir())) >= 5


def test_the_tables_of_a_question_are_found() -> None:
    assert tables_read(questions()["top-creators"]) == {"fact_engagement", "dim_users"}
    assert tables_read(questions()["follower-growth"]) == {"fact_follows"}
