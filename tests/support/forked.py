"""Programs of this project in processes of their own, which start in milliseconds.

A fresh Python takes two seconds of a core to import what a worker needs. Here it is imported once
in a server process, which does nothing else, and which forks for every program.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

_IMPORTED: Final = ["streams.cli.main", "streams.app.workers.run", "tests.support.fault_workers"]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(_IMPORTED)


class ForkedProgram:
    """A program that runs until it ends or is killed. Answers as `subprocess.Popen` does."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit code, the negative number of the signal, or `None` while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code. Raises TimeoutError if the program still runs after `timeout`."""
        self._process.join(timeout)
        if (code := self.poll()) is None:
            raise TimeoutError(f"process {self.pid} still runs after {timeout} s")
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    main: Callable[[], None], arguments: Sequence[str], env: Mapping[str, str], log: Path
) -> ForkedProgram:
    """Run `main`, a function of a module, with these arguments; `log` gets what it prints."""
    log.touch()  # callers read it at once
    process = _context.Process(
        target=_run, args=(main, tuple(arguments), dict(env), log), daemon=True
    )
    process.start()
    return ForkedProgram(process)


def _run(
    main: Callable[[], None], arguments: Sequence[str], env: Mapping[str, str], log: Path
) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = [main.__module__, *arguments]
    main()
