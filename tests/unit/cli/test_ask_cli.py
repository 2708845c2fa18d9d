"""`storyline ask` at the keyboard and in scripts: tables, JSON, CSV, pictures."""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from streams.app.settings import settings
from streams.cli import main as cli
from tests.support.lake_stars import random_star, write_star


class Ended(NamedTuple):
    """How a command ended."""

    code: int | str | None
    out: str
    err: str


Ask = Callable[..., Ended]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    write_star(folder, random_star(7))
    odd = pa.table(
        {
            "post_id": pa.array([2**62, None]),
            "big": pa.array([2**53, 1]),
            "at": pa.array([1_700_000_000_000_000, None], pa.timestamp("us", "UTC")),
            "tags": pa.array([["a", "b"], []]),
            "share": pa.array([0.5, None]),
        }
    )
    write_deltalake(folder / "odd", odd)
    return folder


@pytest.fixture
def ask(
    lake: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Iterator[Ask]:
    """Runs `storyline ask` in this process over the lake."""
    monkeypatch.setenv("STORYLINE_LAKE", str(lake))
    settings.cache_clear()

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["storyline", "ask", *arguments])
        code: int | str | None = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        out, err = capsysbinary.readouterr()
        return Ended(code, out.decode(), err.decode())

    yield run
    settings.cache_clear()


def test_a_table_has_its_numbers_aligned(ask: Ask) -> None:
    ended = ask("engagement-by-country", "--limit", "3")
    title, head, _, *rows = [line.rstrip() for line in ended.out.splitlines() if line.strip()]
    assert (ended.code, title) == (0, "Engagement by country")
    ends = [head.index(name) + len(name) for name in ("people", "engagement", "per_person")]
    for row in rows:
        assert all(row[end - 1].isdigit() and row[end].isspace() for end in ends)


def test_json_and_csv_hold_the_same_rows(ask: Ask) -> None:
    rows = json.loads(ask("top-creators", "--json").out)
    read = list(csv.DictReader(io.StringIO(ask("top-creators", "--csv").out)))
    assert len(rows) > 5
    assert [{name: str(value) for name, value in row.items()} for row in rows] == read
    assert isinstance(rows[0]["creator_id"], str)
    assert isinstance(rows[0]["engagement"], int)


def test_json_keeps_ids_big_numbers_times_lists_and_nulls(ask: Ask) -> None:
    assert json.loads(ask("--sql", "FROM odd ORDER BY big DESC", "--json").out) == [
        {
            "post_id": "4611686018427387904",
            "big": "9007199254740992",
            "at": "2023-11-14T22:13:20.000000Z",
            "tags": ["a", "b"],
            "share": 0.5,
        },
        {"post_id": None, "big": 1, "at": None, "tags": [], "share": None},
    ]


def test_csv_of_the_same(ask: Ask) -> None:
    assert ask("--sql", "FROM odd ORDER BY big DESC", "--csv").out.splitlines() == [
        "post_id,big,at,tags,share",
        '4611686018427387904,9007199254740992,2023-11-14T22:13:20.000000Z,"[""a"",""b""]",0.5',
        ",1,,[],",
    ]


def test_no_rows_are_valid_json_csv_and_a_table(ask: Ask) -> None:
    none = ("dau", "--until", "2020-01-01")
    assert json.loads(ask(*none, "--json").out) == []
    assert ask(*none, "--csv").out == "day,active_users\n"
    assert "active_users" in ask(*none).out


def test_days_and_limits_are_bound(ask: Ask) -> None:
    days = json.loads(ask("dau", "--since", "2026-03-01", "--until", "2026-03-03", "--json").out)
    assert [row["day"] for row in days] == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert len(json.loads(ask("top-creators", "--limit", "2", "--json").out)) == 2


def test_standard_error_tells_rows_and_time(ask: Ask) -> None:
    ended = ask("--sql", "SELECT 1 AS one", "--csv")
    assert ended.out == "one\n1\n"
    assert ended.err.startswith("1 row in ")
    assert ended.err.endswith(" s\n")


def test_sql_comes_from_standard_input(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"SELECT 'x' AS x;\n")))
    assert json.loads(ask("--sql", "-", "--json").out) == [{"x": "x"}]


def test_a_long_table_says_that_it_is_cut(ask: Ask) -> None:
    ended = ask("--sql", "SELECT * FROM range(1500)")
    assert "500 further rows" in ended.err
    assert "1,500 rows" in ended.err
    assert len(json.loads(ask("--sql", "SELECT * FROM range(1500)", "--json").out)) == 1500


def test_a_wide_table_is_whole_in_a_pipe(ask: Ask) -> None:
    columns = ", ".join(f"'{'x' * 20}' AS column_{number}" for number in range(20))
    out = ask("--sql", f"SELECT {columns}").out
    assert out.count("x" * 20) == 20


def test_the_questions_are_listed(ask: Ask) -> None:
    listed = json.loads(ask("--list", "--json").out)
    shown = ask("--list").out
    assert {question["name"] for question in listed} == {
        "dau",
        "top-creators",
        "story-funnel",
        "engagement-by-country",
        "follower-growth",
    }
    assert all(question["name"] in shown and question["columns"] for question in listed)


def test_an_unknown_question_suggests_the_nearest(ask: Ask) -> None:
    ended = ask("top_creator")
    assert ended.code == 2
    assert "did you mean top-creators?" in ended.err


def test_wrong_sql_points_at_the_place(ask: Ask) -> None:
    ended = ask("--sql", "SELECT COUNT(*) FRM dim_users")
    message, line, caret = ended.err.splitlines()
    assert ended.code == 1
    assert message.startswith("storyline: Parser Error")
    assert line[caret.index("^") :].startswith("dim_users")


def test_a_picture_is_drawn_beside_the_rows(ask: Ask, tmp_path: Path) -> None:
    picture = tmp_path / "dau.png"
    ended = ask("dau", "--plot", str(picture), "--json")
    assert picture.read_bytes().startswith(b"\x89PNG\r\n")
    assert len(json.loads(ended.out)) > 3
    assert str(picture) in ended.err.replace("\n", "")


def test_a_picture_that_cannot_be_written_is_an_error(ask: Ask, tmp_path: Path) -> None:
    ended = ask("dau", "--plot", str(tmp_path / "missing" / "dau.png"))
    assert ended.code == 1
    assert "No such file or directory" in ended.err


def test_nothing_to_draw_is_an_error(ask: Ask, tmp_path: Path) -> None:
    ended = ask("--sql", "SELECT 'a' AS a, 'b' AS b", "--plot", str(tmp_path / "x.png"))
    assert ended.code == 1
    assert "nothing to draw" in ended.err
