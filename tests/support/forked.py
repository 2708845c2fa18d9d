"""Programs of this project in processes of their own, which start in milliseconds.

A fresh Python takes two seconds of a core to import what a worker needs. Here it is imported once
in a server process, which does nothing else, and which forks for every program.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

_IMPORTED: Final = [
    "bench.__main__",
    "streams.app.workers.run",
    "streams.cli.main",
    "tests.support.fault_workers",
]

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
    return _start(main, arguments, env, (Path(os.devnull), log, log), daemon=True)


def run(
    main: Callable[[], None],
    arguments: Sequence[str],
    env: Mapping[str, str],
    text: str = "",
    timeout_s: float = 300.0,
) -> subprocess.CompletedProcess[str]:
    """Run `main` to its end with `text` as standard input.

    Raises:
        TimeoutError: it still runs after `timeout_s` seconds; it is killed.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("stdin", "stdout", "stderr")]
        files[0].write_text(text, encoding="utf-8")
        # A daemon may not start programs of its own, as a benchmark does.
        program = _start(main, arguments, env, files, daemon=False)
        try:
            code = program.wait(timeout_s)
        finally:
            program.kill()
        output, errors = (file.read_text(encoding="utf-8") for file in files[1:])
    return subprocess.CompletedProcess(list(arguments), code, output, errors)


def _start(
    main: Callable[[], None],
    arguments: Sequence[str],
    env: Mapping[str, str],
    files: Sequence[Path],
    *,
    daemon: bool,
) -> ForkedProgram:
    process = _context.Process(
        target=_run, args=(main, tuple(arguments), dict(env), tuple(files)), daemon=daemon
    )
    process.start()
    return ForkedProgram(process)


def _run(
    main: Callable[[], None],
    arguments: Sequence[str],
    env: Mapping[str, str],
    files: Sequence[Path],
) -> None:
    for descriptor, file in enumerate(files):
        mode = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(file, mode), descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    os.environ.clear()
    os.environ.update(env)
    sys.argv = [main.__module__, *arguments]
    main()
