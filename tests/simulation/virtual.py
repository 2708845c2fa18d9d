"""Virtual time: an event loop whose clock jumps to what is due next, and threads that take turns.

Nothing waits for real, and of all threads exactly one runs at any moment, so that a seed repeats a
run to the last step.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any

_POOL = ThreadPoolExecutor(64, thread_name_prefix="turn")
_FROZEN_S = 0.05


class StuckError(AssertionError):
    """Everything waits for something that nothing will ever bring."""


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop without I/O: where it would sleep, its clock moves on instead."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._selector: Any = self

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        """As of a selector: no file is ever ready."""
        if timeout is None:
            raise StuckError("nothing is due, and nothing will be")
        self._now += timeout
        return []

    def _process_events(self, events: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """The loop never sleeps, so it need not be woken."""


class Killed(BaseException):
    """The thread's process was killed: whatever the thread would do next, it does not."""


class _Turn:
    """A call in a thread of its own, which runs only while the loop waits for it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._go, self._back = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._back.acquire()
        self._pause = 0.0
        self._killed = False
        self._started = False
        self.outcome: tuple[Any, BaseException | None] | None = None

    def run(self) -> float:
        """Let it run until it pauses or ends; how long it pauses."""
        if self._started:
            self._go.release()
        else:
            self._started = True
            _POOL.submit(self._main)
        self._back.acquire()
        return self._pause

    def pause(self, seconds: float) -> None:
        """From its thread: let the others have a turn."""
        if self._killed:
            raise Killed
        self._pause = seconds
        self._back.release()
        self._go.acquire()
        if self._killed:
            raise Killed

    def kill(self) -> None:
        self._killed = True
        if self._started and self.outcome is None:
            self.run()

    def _main(self) -> None:
        try:
            self.outcome = (self._call(), None)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the result
            self.outcome = (None, error)
        self._back.release()


class Turns(Executor):
    """The threads of one process, as an executor; they stand still while the process does."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        delay: Callable[[], float],
        thawed: asyncio.Event,
    ) -> None:
        self._loop = loop
        self._delay = delay
        self._thawed = thawed
        self._turns: dict[_Turn, None] = {}
        self._current: _Turn | None = None
        self._killed = False

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        turn = _Turn(partial(call, *args, **kwargs))
        self._turns[turn] = None
        self._loop.call_later(self._delay(), self._run, turn, future)
        return future

    def pause(self, seconds: float | None = None) -> None:
        """From a thread: let so much time pass for everybody; a random while if not told."""
        if self._current is None:
            raise RuntimeError("called from no thread of this process")
        pause = self._delay() if seconds is None else seconds
        if pause or self._killed:
            self._current.pause(pause)

    def kill(self) -> None:
        """End every thread where it is."""
        self._killed = True
        for turn in tuple(self._turns):
            turn.kill()
        self._turns.clear()

    def _run(self, turn: _Turn, future: Future[Any]) -> None:
        if self._killed:
            return
        if not self._thawed.is_set():
            self._loop.call_later(_FROZEN_S, self._run, turn, future)
            return
        self._current = turn
        pause = turn.run()
        self._current = None
        if turn.outcome is None:
            self._loop.call_later(pause, self._run, turn, future)
            return
        del self._turns[turn]
        result, error = turn.outcome
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)


class Stopping(threading.Event):
    """What a `Waiter` waits for, between two tries, in virtual time."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns_of = turns

    def wait(self, timeout: float | None = None) -> bool:
        self._turns_of.pause(timeout)
        return self.is_set()
