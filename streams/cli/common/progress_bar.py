"""Stages of a long command as a bar on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager

from streams.cli.common.output import err


class StageBar:
    """A progress bar; each stage replaces the one before."""

    def __init__(self) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self.progress = Progress(
            *columns,
            TimeElapsedColumn(),
            console=err,
            disable=not err.is_terminal,
            transient=True,
        )
        self._task = self.progress.add_task("", total=None)

    def stage(self, what: str, total: int) -> None:
        """Begin a stage of `total` steps; 0: the number is unknown."""
        self.progress.reset(self._task, total=total or None, description=what)

    def step(self, done: int) -> None:
        """Advance the stage by `done` steps."""
        self.progress.advance(self._task, done)


@contextmanager
def stage_bar() -> Iterator[StageBar]:
    """Show a bar, on a terminal only, that disappears at the end of the context."""
    bar = StageBar()
    with bar.progress:
        yield bar
