"""Progress bars on standard error, shown on a terminal only, that disappear at their end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streams.cli.common.output import err

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

    from streams.app.events.json_lines import JsonLine


def progress_bar(*details: "ProgressColumn", shown: bool = True) -> "Progress":
    """Return a bar that is shown while its context lasts.

    Args:
        details: Columns after the bar; by default the steps done and their total.
        shown: Whether to show it if standard error is a terminal.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *(details or (MofNCompleteColumn(),)),
        TimeElapsedColumn(),
        console=err,
        disable=not (shown and err.is_terminal),
        transient=True,
    )


@contextmanager
def counting_bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar; yield a function that takes the number of steps, of `total`, done so far."""
    with progress_bar() as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def line_bar(what: str, size: int | None) -> Iterator[Callable[["JsonLine"], None]]:
    """Show a bar for a file of `size` bytes; yield a function that takes the line read last."""
    from rich.progress import TextColumn

    with progress_bar(TextColumn("{task.fields[lines]:,} lines")) as bar:
        task = bar.add_task(what, total=size, lines=0)
        yield lambda line: bar.update(task, completed=line.end, lines=line.number)


class StageBar:
    """A progress bar; each stage replaces the one before."""

    def __init__(self) -> None:
        self.progress = progress_bar()
        self._task = self.progress.add_task("", total=None)

    def stage(self, what: str, total: int) -> None:
        """Begin a stage of `total` steps; 0: the number is unknown."""
        self.progress.reset(self._task, total=total or None, description=what)

    def step(self, done: int) -> None:
        """Advance the stage by `done` steps."""
        self.progress.advance(self._task, done)


@contextmanager
def stage_bar() -> Iterator[StageBar]:
    """Show a bar of stages."""
    bar = StageBar()
    with bar.progress:
        yield bar
