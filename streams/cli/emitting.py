"""What `generate` and `load` share: where events go, at which speed, and what is told of them."""

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from streams.errors import UserError

if TYPE_CHECKING:
    from streams.contracts.events import Event
    from streams.generate.outlets import JsonLines, Outlet

Out = Annotated[
    str | None,
    typer.Option(
        "--out", metavar="FILE|-", help="Write JSON lines there (the default: standard output)."
    ),
]
Publish = Annotated[bool, typer.Option("--publish", help="Send to Kafka instead of writing.")]
Speed = Annotated[
    float | None,
    typer.Option(
        "--speed",
        metavar="X",
        help="Wait between events: 1 is real time, 3600 an hour a second. Default: no waiting.",
    ),
]
Bad = Annotated[
    int,
    typer.Option(
        "--bad", min=0, max=1000, help="With --publish: so many records no consumer can apply."
    ),
]
Duplicates = Annotated[
    float,
    typer.Option(
        "--duplicates", min=0, max=1, help="Share of events that are sent once more, as they are."
    ),
]
Summary = Annotated[
    bool, typer.Option("--json", help="Print a summary as JSON (on stderr beside JSON lines).")
]

_SHOW_EVERY = 500


@dataclass(slots=True)
class Sent:
    """What was sent: how many of each record type, the first and last event time (ms)."""

    types: Counter[str] = field(default_factory=Counter)
    first: int = 0
    last: int = 0
    bad: Counter[str] = field(default_factory=Counter)

    def count(self, event: "Event") -> None:
        self.types[type(event).__name__] += 1
        self.first = self.first or event.occurred_at
        self.last = max(self.last, event.occurred_at)

    def summary(self) -> dict[str, Any]:
        """For scripts."""
        from streams.contracts.times import format_time

        return {
            "events": self.types.total(),
            "first": format_time(self.first),
            "last": format_time(self.last),
            "types": dict(sorted(self.types.items())),
            "bad": dict(sorted(self.bad.items())),
        }


@dataclass(frozen=True, slots=True)
class Destination:
    """Where events go. Raises UserError where the options contradict each other."""

    out: str | None
    publish: bool
    speed: float | None
    bad: int

    def __post_init__(self) -> None:
        if self.publish and self.out is not None:
            raise UserError("--publish and --out exclude each other", exit_code=2)
        if self.bad and not self.publish:
            raise UserError("--bad needs --publish: bad records have no JSON form", exit_code=2)
        if self.speed is not None and not 0 < self.speed < float("inf"):
            raise UserError("--speed must be greater than 0", exit_code=2)

    @property
    def on_stdout(self) -> bool:
        """Whether standard output carries the events."""
        return not self.publish and self.out in (None, "-")


def emit(events: Iterable["Event"], to: Destination, *, expected: int, as_json: bool) -> None:
    """Send every event and tell what was sent; `expected` is about how many."""
    if to.publish:
        from streams.app.outlets import open_log
        from streams.app.settings import settings
        from streams.generate.outlets import PoisonedLog

        with open_log(settings(), bad=to.bad, events=expected) as log:
            sent = _send(events, log, to.speed, expected)
        if isinstance(log, PoisonedLog):
            sent.bad.update(str(poison.code) for poison in log.dropped)
    else:
        with _json_lines(to) as lines:
            sent = _send(events, lines, to.speed, expected)
    _report(sent, to, as_json=as_json)


def _send(events: Iterable["Event"], outlet: "Outlet", speed: float | None, expected: int) -> Sent:
    from streams.generate.pace import paced

    sent = Sent()
    if speed is not None:
        events = paced(events, speed, before_waiting=outlet.flush)
    with _progress(expected) as show:
        for number, event in enumerate(events, start=1):
            outlet.send(event)
            sent.count(event)
            if speed is not None or number % _SHOW_EVERY == 0:
                show(number)
        outlet.flush()
    return sent


@contextmanager
def _progress(expected: int) -> Iterator[Callable[[int], None]]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from streams.cli.output import err

    columns = (
        TextColumn("events"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    # Events on a terminal would tear the bar apart.
    shown = err.is_terminal and not sys.stdout.isatty()
    with Progress(*columns, console=err, disable=not shown, transient=True) as bar:
        task = bar.add_task("", total=expected)
        yield lambda done: bar.update(task, completed=done)


def _report(sent: Sent, to: Destination, *, as_json: bool) -> None:
    summary = sent.summary()
    stream = sys.stderr if to.on_stdout else sys.stdout
    if as_json:
        stream.write(orjson.dumps(summary, option=orjson.OPT_INDENT_2).decode() + "\n")
    elif not to.on_stdout:
        types = ", ".join(f"{count:,} {name}" for name, count in sent.types.most_common())
        where = "published" if to.publish else f"written to {to.out}"
        bad = f", and {sent.bad.total()} bad records" if sent.bad else ""
        stream.write(f"{summary['events']:,} events {where}{bad}\n")
        stream.write(f"  from {summary['first']} to {summary['last']}: {types}\n")


@contextmanager
def _json_lines(to: Destination) -> Iterator["JsonLines"]:
    from streams.generate.outlets import JsonLines

    if to.on_stdout:
        with _open_pipe():
            yield JsonLines(sys.stdout.buffer)
        return
    with _whole_file(Path(to.out or "")) as path, path.open("wb") as file:
        yield JsonLines(file)


@contextmanager
def _whole_file(path: Path) -> Iterator[Path]:
    """A file to write that takes its place at `path` when all went well, and else is gone."""
    if path.exists() and not path.is_file():  # /dev/null, a named pipe
        yield path
        return
    if not path.parent.is_dir():
        raise UserError(f"{path.parent} is not a directory")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        part = Path(folder) / path.name
        yield part
        part.replace(path)


@contextmanager
def _open_pipe() -> Iterator[None]:
    """End quietly where the reader of standard output has gone (`… | head`)."""
    try:
        yield
    except BrokenPipeError:
        # Python would try to flush standard output once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
