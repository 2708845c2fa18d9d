"""Signals that stop a long command: SIGTERM and Ctrl-C."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_signals(*, second_ends: bool = False) -> Iterator[threading.Event]:
    """Yield an event that SIGTERM and Ctrl-C set.

    Outside the main thread, which alone can handle signals, no signal sets the event.

    Args:
        second_ends: Let a second signal end the process as usual.
    """
    stopping = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopping
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler
        stopping.set()
        if second_ends:
            signal.signal(signal.SIGTERM, before[signal.SIGTERM])
            signal.signal(signal.SIGINT, signal.default_int_handler)

    try:
        for number in before:
            signal.signal(number, stop)
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
