"""Ctrl-C ends a question that computes for long, at once and in order."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import duckdb
import pytest

from streams.lakehouse.answers import run

ENDLESS = "SELECT sum(a.n * b.n) FROM range(10_000_000) a(n), range(10_000_000) b(n)"


def to_the_process() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def to_another_thread() -> None:
    """What the system may do with a signal to the process; the main thread sleeps on."""
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """As in a shell: whoever started the tests may have had the signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.timeout(60, method="thread")  # a computing thread keeps all others from ending
@pytest.mark.parametrize("interrupt", [to_the_process, to_another_thread])
def test_a_long_question_ends_when_asked_to(interrupt: Callable[[], None]) -> None:
    with duckdb.connect(config={"threads": "1"}) as session:
        began = time.monotonic()
        threading.Timer(0.3, interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            list(run(session, ENDLESS).rows)
        assert time.monotonic() - began < 10
        assert list(run(session, "SELECT 1").rows) == [(1,)], "the session is still of use"
