"""What a picture shows: the question's chart, with axes named and every row drawn."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

from streams.app.lake.ask import questions
from streams.errors import UserError
from streams.lakehouse.answers import QuestionAnswer
from streams.lakehouse.charts import _short, figure
from streams.lakehouse.questions import Question

MARCH = date(2026, 3, 1)


def drawn(
    columns: Sequence[str], rows: Sequence[tuple[Any, ...]], question: Question | None = None
) -> Axes:
    numeric = {
        name
        for number, name in enumerate(columns)
        if rows and isinstance(rows[0][number], int | float)
    }
    answer = QuestionAnswer(tuple(columns), frozenset(numeric), iter(()))
    [axes] = figure(answer, rows, question).axes
    return axes


def of_question(name: str, rows: Sequence[tuple[Any, ...]]) -> Axes:
    question = questions()[name]
    return drawn([meaning.column for meaning in question.meanings], rows, question)


def test_lines_over_days() -> None:
    rows = [(MARCH + timedelta(days=n), 100 + n, 50, 5, 1, 0.5, 0.1) for n in range(9)]
    axes = of_question("story-funnel", rows)
    assert axes.get_title(loc="left") == "Story funnel by day"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("day", "people")
    assert [np.asarray(line.get_ydata()).tolist() for line in axes.lines] == [
        [100 + n for n in range(9)],
        [50] * 9,
        [5] * 9,
    ]
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["viewers", "likers", "repliers"]
    low, high = axes.get_ylim()
    assert low == 0
    assert high > 108


def test_bars_over_days_stand_side_by_side() -> None:
    rows = [(MARCH + timedelta(days=n), 10 + n, n, 10, 20) for n in range(4)]
    axes = of_question("follower-growth", rows)
    gained, lost = axes.containers
    assert [bar.get_height() for bar in gained] == [10, 11, 12, 13]
    assert [bar.get_height() for bar in lost] == [0, 1, 2, 3]
    assert all(
        left.get_x() + left.get_width() <= right.get_x() + 1e-9
        for left, right in zip(gained, lost, strict=True)
    )
    middles = [
        (left.get_x() + right.get_x() + right.get_width()) / 2
        for left, right in zip(gained, lost, strict=True)
    ]
    assert middles == pytest.approx([(row[0] - date(1970, 1, 1)).days for row in rows])
    assert axes.get_ylabel() == "follows"


def test_a_ranking_has_its_first_row_on_top() -> None:
    names = ("anna", "b" * 50)
    rows = [(name, 1, 90 - n, 5, 80, 5, 3, 2, MARCH) for n, name in enumerate(names)]
    axes = of_question("top-creators", rows)
    assert axes.yaxis_inverted()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["anna", "b" * 31 + "…"]
    assert [bar.get_width() for bar in axes.patches] == [90, 89]  # type: ignore[attr-defined]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("engagement [acts]", "creator")
    assert axes.get_legend() is None


def test_ranking_of_more_than_40_rows_is_cut() -> None:
    axes = drawn(("kind", "count"), [(f"kind {n}", n) for n in range(60)])
    assert [bar.get_width() for bar in axes.patches] == list(range(40))  # type: ignore[attr-defined]


def test_no_rows_are_said() -> None:
    axes = of_question("dau", [])
    assert [text.get_text() for text in axes.texts] == ["no rows"]


def test_sql_of_ones_own_is_drawn_by_its_columns() -> None:
    days = drawn(("day", "note", "likes", "views"), [(MARCH, "x", 1, 2), (MARCH, "y", 3, 4)])
    assert days.get_title(loc="left") == "likes, views by day"
    assert len(days.lines) == 2
    kinds = drawn(("kind", "count"), [("like", 3), ("view", None)])
    assert [bar.get_width() for bar in kinds.patches] == [3, 0]  # type: ignore[attr-defined]


def test_columns_without_numbers_are_refused() -> None:
    with pytest.raises(UserError, match="nothing to draw"):
        drawn(("a", "b"), [("x", "y")])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (999_999, "999,999"),
        (1e6, "1M"),
        (-12_345_678, "-12.35M"),
        (1e9, "1G"),
        (0.25, "0.25"),
        (0, "0"),
    ],
)
def test_large_numbers_are_shortened(value: float, expected: str) -> None:
    assert _short(value) == expected
