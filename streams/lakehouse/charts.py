"""Charts of answers: lines or bars over days, horizontal bars for rankings."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from streams.errors import UserError
from streams.lakehouse.answers import QuestionAnswer, Row
from streams.lakehouse.questions import Chart, ChartKind, Question

_WIDTH, _HEIGHT = 9.6, 5.4
_BAR_HEIGHT: Final = 0.28
_DPI: Final = 120
_BAR_SHARE: Final = 0.8
_MOST_BARS: Final = 40
_LONGEST: Final = 32
_FEW_POINTS: Final = 62
_STYLE: Final[Any] = {
    "axes.prop_cycle": cycler(
        color=("#2b6cb0", "#dd6b20", "#2f855a", "#805ad5", "#c53030", "#718096")
    ),
    "axes.axisbelow": True,
    "axes.edgecolor": "#a0aec0",
    "axes.labelcolor": "#2d3748",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlepad": 16,
    "axes.titlesize": 14,
    "axes.titleweight": "bold",
    "font.size": 10,
    "grid.color": "#e2e8f0",
    "legend.frameon": False,
    "lines.linewidth": 2,
    "lines.markersize": 4,
    "xtick.color": "#4a5568",
    "ytick.color": "#4a5568",
}

Series = Mapping[str, Sequence[float]]


def draw(
    answer: QuestionAnswer, rows: Sequence[Row], question: Question | None, path: Path
) -> None:
    """Write the `figure` of an answer as a PNG.

    Raises:
        UserError: no column after the first holds numbers.
        OSError: the file cannot be written.
    """
    with mpl.rc_context(_STYLE):
        figure(answer, rows, question).savefig(path, format="png")


def figure(answer: QuestionAnswer, rows: Sequence[Row], question: Question | None) -> Figure:
    """Return the chart that the question defines, or that the columns suggest without a question.

    Raises:
        UserError: no column after the first holds numbers.
    """
    chart = question.chart if question else _suggested(answer, rows)
    indexes = {name: number for number, name in enumerate(answer.columns)}
    x = [row[indexes[chart.x]] for row in rows]
    series = {name: [float(row[indexes[name]] or 0) for row in rows] for name in chart.y}
    image = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DPI, layout="constrained")
    axes = image.add_subplot()
    axes.set_title(question.title if question else _title(chart), loc="left")
    x_axis: Axis = axes.xaxis
    y_axis: Axis = axes.yaxis
    if not rows:
        axes.text(0.5, 0.5, "no rows", transform=axes.transAxes, ha="center")
    elif chart.kind is ChartKind.LINE:
        _lines(axes, x, series)
    elif _are_days(x):
        _columns(axes, x, series)
    else:
        x, series = x[:_MOST_BARS], {name: y[:_MOST_BARS] for name, y in series.items()}
        image.set_figheight(max(_HEIGHT, 1.4 + _BAR_HEIGHT * len(x) * len(series)))
        _bars(axes, x, series)
        x_axis, y_axis = y_axis, x_axis
    x_axis.set_label_text(_label(chart.x, question))
    y_axis.set_label_text(_values_label(chart, question))
    y_axis.set_major_formatter(FuncFormatter(_short))
    y_axis.grid(True)
    if rows and len(chart.y) > 1:
        _legend(axes)
    return image


def _lines(axes: Axes, x: Sequence[Any], series: Series) -> None:
    for name, y in series.items():
        axes.plot(x, y, label=_words(name), marker="o" if len(x) <= _FEW_POINTS else "")
    values = [value for y in series.values() for value in y]
    axes.set_ylim(min(0.0, *values), 1.08 * max(values) or 1.0)
    if _are_days(x):
        _days(axes.xaxis, x)


def _columns(axes: Axes, x: Sequence[Any], series: Series) -> None:
    """Draw bars over days, next to each other if there are several series."""
    width = _BAR_SHARE / len(series)
    days = [day.toordinal() - date(1970, 1, 1).toordinal() for day in x]
    for number, (name, y) in enumerate(series.items()):
        shift = (number - (len(series) - 1) / 2) * width
        axes.bar([day + shift for day in days], y, width=width, label=_words(name))
    axes.xaxis_date()
    _days(axes.xaxis, x)


def _bars(axes: Axes, x: Sequence[Any], series: Series) -> None:
    """Draw horizontal bars, the first row on top, each with its value at its end."""
    height = _BAR_SHARE / len(series)
    places = range(len(x))
    for number, (name, y) in enumerate(series.items()):
        shift = (number - (len(series) - 1) / 2) * height
        bars = axes.barh([place + shift for place in places], y, height, label=_words(name))
        axes.bar_label(bars, [_short(value) for value in y], padding=4, color="#4a5568")
    axes.set_yticks(list(places), [_cut(str(value)) for value in x])
    axes.invert_yaxis()
    axes.margins(x=0.1, y=0.02)
    axes.tick_params(axis="y", length=0)


def _days(axis: Axis, x: Sequence[Any]) -> None:
    locator = AutoDateLocator(minticks=min(3, len(x)), maxticks=10)  # type: ignore[no-untyped-call]
    formatter = ConciseDateFormatter(  # type: ignore[no-untyped-call]
        locator,
        formats=["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%S.%f"],
        zero_formats=["", "%Y", "%d %b", "%d %b", "%H:%M", "%H:%M"],
        offset_formats=["", "%Y", "%Y", "%d %b %Y", "%d %b %Y", "%d %b %Y"],
    )
    axis.set_major_locator(locator)
    axis.set_major_formatter(formatter)


def _legend(axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles,
        labels,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=len(labels),
        borderaxespad=0.2,
    )


def _suggested(answer: QuestionAnswer, rows: Sequence[Row]) -> Chart:
    """Return a chart of the first column against every column of numbers after it."""
    first, *others = answer.columns
    numbers = tuple(name for name in others if name in answer.numeric)
    if not numbers:
        raise UserError(
            "there is nothing to draw: no column after the first holds numbers",
            hint="select what to draw against first, then its numbers",
        )
    kind = ChartKind.LINE if _are_days([row[0] for row in rows]) else ChartKind.BAR
    return Chart(kind, first, numbers)


def _are_days(x: Sequence[Any]) -> bool:
    """Return whether these are days or instants."""
    return bool(x) and all(isinstance(value, date) for value in x)


def _label(column: str, question: Question | None) -> str:
    found = [m.unit for m in question.meanings if m.column == column] if question else []
    unit = f" [{found[0]}]" if found and found[0] else ""
    return _words(column) + unit


def _values_label(chart: Chart, question: Question | None) -> str:
    """Return the name of a single series, or the units of several."""
    if len(chart.y) == 1:
        return _label(chart.y[0], question)
    units = {m.unit for m in question.meanings if m.column in chart.y} if question else set()
    return ", ".join(sorted(units))


def _title(chart: Chart) -> str:
    return f"{', '.join(map(_words, chart.y))} by {_words(chart.x)}"


def _words(column: str) -> str:
    return column.replace("_", " ")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _short(value: float, _position: int | None = None) -> str:
    """Return 12345678 as 12.35M, so that axes stay narrow."""
    for size, letter in ((1e9, "G"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:,.6g}"
