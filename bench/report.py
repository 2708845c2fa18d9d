"""What a benchmark found: a table for people, JSON for scripts."""

import operator
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, Final, TypeVar

_MET: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "at_least": operator.ge,
    "at_most": operator.le,
}
_COLUMN: Final = 11
_BREAK: Final = 100
"""Figures from here on are told without decimals."""


class Report:
    """Prints each figure as it is found, and keeps its median."""

    def __init__(self, benchmark: str, size: str, compared: str) -> None:
        self._benchmark = benchmark
        self._size = size
        self._figures: dict[str, tuple[float, str]] = {}
        self._ratios: dict[str, float] = {}
        self._goals: dict[str, dict[str, float | bool]] = {}
        print(f"{benchmark}, size {size}: {compared}\n", flush=True)
        print(f"{'':<46}{'minimum':>13}{'median':>13}{'maximum':>13}  unit", flush=True)

    def figure(self, name: str, unit: str, *values: float) -> None:
        """What was measured once or several times."""
        self._figures[name] = (median(values), unit)
        shown = "".join(
            f"{_shown(each):>13}" for each in (min(values), median(values), max(values))
        )
        print(f"{name:<46}{shown}  {unit}", flush=True)

    def table(
        self,
        title: str,
        unit: str,
        columns: Sequence[str],
        rows: Mapping[str, Sequence[float | None]],
    ) -> None:
        """Print figures that were measured once as a table of their own.

        Args:
            title: Heading of the table.
            unit: Unit of all figures.
            columns: Headings of the columns.
            rows: Row -> a figure for each column, `None` where nothing was measured. Row and column
                make the name of a figure, with a colon in between.
        """
        width = max(_COLUMN, *(len(column) + 2 for column in columns))
        head = f"{title}, {unit}" if unit else title
        print(f"\n{head:<46}{''.join(f'{column:>{width}}' for column in columns)}", flush=True)
        for name, values in rows.items():
            shown = "".join(
                f"{'' if value is None else _shown(value):>{width}}" for value in values
            )
            print(f"{name:<46}{shown}", flush=True)
            for column, value in zip(columns, values, strict=True):
                if value is not None:
                    self._figures[f"{name}: {column}"] = (value, unit)

    def ratio(
        self, of: str, to: str, *, at_least: float | None = None, at_most: float | None = None
    ) -> None:
        """One figure's median by another's, and what it is meant to be."""
        name = f"{of} / {to}"
        self._ratios[name] = self._figures[of][0] / self._figures[to][0]
        print(f"{name:<59}{_shown(self._ratios[name]):>13}", flush=True)
        self._judge(name, self._ratios[name], {"at_least": at_least, "at_most": at_most})

    def goal(
        self, name: str, *, at_least: float | None = None, at_most: float | None = None
    ) -> None:
        """What a figure is meant to be."""
        self._judge(name, self._figures[name][0], {"at_least": at_least, "at_most": at_most})

    def json(self) -> dict[str, Any]:
        return {
            "benchmark": self._benchmark,
            "size": self._size,
            "figures": {
                name: {"value": value, "unit": unit}
                for name, (value, unit) in self._figures.items()
            },
            "ratios": self._ratios,
            "goals": self._goals,
        }

    def _judge(self, name: str, value: float, bounds: Mapping[str, float | None]) -> None:
        for kind, bound in bounds.items():
            if bound is not None:
                met = _MET[kind](value, bound)
                self._goals[name] = {kind: bound, "met": met}
                told = f"goal: {kind.replace('_', ' ')} {_shown(bound)}"
                print(f"  {told}: {'met' if met else 'NOT MET'} ({name})", flush=True)


Found = TypeVar("Found")


def by_turns(
    contenders: Mapping[str, Callable[[], Found]], runs: int
) -> dict[str, Sequence[Found]]:
    """What each contender finds, all of them in each round: none has the quiet hours."""
    rounds = [{name: act() for name, act in contenders.items()} for _ in range(runs)]
    return {name: [each[name] for each in rounds] for name in contenders}


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= _BREAK else f"{value:,.2f}"
