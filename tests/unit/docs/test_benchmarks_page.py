"""docs/benchmarks.md names every benchmark, lists its sections, and marks each missed goal."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from bench.__main__ import BENCHMARKS, SIZES
from tests.unit.docs.test_docs import DOCS

PAGE = DOCS / "benchmarks.md"
MISSED = "✗"
_CALL = re.compile(r"python -m bench ([a-z][\w-]*)(?: --size (\w+))?")
_GOAL = re.compile(r"(≥|≤) ([\d,.]+)")
_FIGURE = re.compile(rf"([\d,]+(?:\.\d+)?)(?: {MISSED})?")


class Judged(NamedTuple):
    """Cell of a table that has a goal."""

    label: str
    cell: str
    goal: str


def tables() -> Iterator[list[list[str]]]:
    """Yield the tables of the page as rows of cells, the heading first."""
    for table in re.findall(r"(?:^\|.*\n)+", PAGE.read_text(encoding="utf-8"), re.MULTILINE):
        rows = [[cell.strip() for cell in row[1:-1].split("|")] for row in table.splitlines()]
        yield [rows[0], *rows[2:]]


def judged() -> Iterator[Judged]:
    for heading, *rows in tables():
        for row in rows:
            for title, goal in zip(heading, row, strict=True):
                kind, _, of = title.partition(": ")
                if kind == "goal" and goal:
                    for name, cell in list(zip(heading, row, strict=True))[1:]:
                        if name != "ratio" and name.endswith(of) and _FIGURE.fullmatch(cell):
                            yield Judged(row[0], cell, goal)


def number(text: str) -> float:
    return float(text.replace(",", ""))


def test_page_names_every_benchmark_and_no_other() -> None:
    calls = _CALL.findall(PAGE.read_text(encoding="utf-8"))
    assert {name for name, _ in calls} == set(BENCHMARKS)
    assert {size for _, size in calls} <= {*SIZES, ""}


def test_contents_list_every_section() -> None:
    text = PAGE.read_text(encoding="utf-8")
    contents, _, _ = text.partition("\n## ")
    linked = re.findall(r"\]\(#([\w-]+)\)", contents)
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert linked == [re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings]


@pytest.mark.parametrize("one", [*judged()], ids=lambda one: f"{one.label}-{one.cell}")
def test_figure_is_marked_if_it_misses_its_goal(one: Judged) -> None:
    goal = _GOAL.fullmatch(one.goal)
    figure = _FIGURE.fullmatch(one.cell)
    assert goal is not None
    assert figure is not None
    value, bound = number(figure[1]), number(goal[2])
    met = value >= bound if goal[1] == "≥" else value <= bound
    assert (MISSED in one.cell) is not met


def test_marks_are_on_figures_with_a_goal() -> None:
    found = list(judged())
    assert len(found) > 80
    cells = [cell for _, *rows in tables() for row in rows for cell in row if MISSED in cell]
    assert sorted(cells) == sorted(one.cell for one in found if MISSED in one.cell)
