"""Progress display of the stack: bars on a terminal, a line per change elsewhere."""

import threading
from types import TracebackType
from typing import Self

from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from streams.cli.common.output import err

_MEGABYTE = 1_000_000
_SETTLED = frozenset({"ready", "running", "stopped"})


class Display:
    """A `Report` that draws on standard error while its context lasts."""

    def __init__(self) -> None:
        self._live = err.is_terminal
        self._progress = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}", style="bold"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=err,
            disable=not self._live,
        )
        self._servers: dict[str, TaskID] = {}
        self._states: dict[str, str] = {}
        self._download: TaskID | None = None
        self._size = self._got = 0
        self._counting = threading.Lock()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def download_started(self, files: int, size: int) -> None:
        self._size, self._got = size, 0
        state = f"{files} files, {size / _MEGABYTE:.0f} MB"
        self._download = self._progress.add_task("download", total=size, state=state)
        if not self._live:
            self.note(f"downloading {state}")

    def downloaded(self, size: int) -> None:
        with self._counting:
            self._got += size
            got = self._got
        if self._download is not None:
            state = f"{got / _MEGABYTE:.0f} of {self._size / _MEGABYTE:.0f} MB"
            self._progress.update(self._download, completed=got, state=state)

    def download_finished(self) -> None:
        if not self._live:
            self.note("downloaded")

    def server(self, name: str, state: str, seconds: float) -> None:
        settled = state in _SETTLED
        if name not in self._servers:
            self._servers[name] = self._progress.add_task(name, total=None, state=state)
        task = self._servers[name]
        self._progress.update(task, state=state)
        if settled:
            self._progress.update(task, total=1, completed=1)
        if not self._live and self._states.get(name) != state and (settled or seconds == 0):
            self.note(f"{name} {state}" + (f" after {seconds:.1f} s" if seconds >= 0.1 else ""))
        self._states[name] = state

    def note(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)
