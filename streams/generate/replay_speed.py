"""Replay: let events happen at their own rhythm, or that many times faster."""

import time
from collections.abc import Callable, Iterable, Iterator

from streams.contracts.events import Event

_WORTH_WAITING_S = 0.002


def paced(
    events: Iterable[Event],
    speed: float,
    *,
    before_waiting: Callable[[], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Event]:
    """Yield each event when `speed` times its own time has passed since the first.

    `before_waiting` is called where a wait is due, for the caller to flush what it holds.
    """
    began, origin = clock(), None
    for event in events:
        if origin is None:
            origin = event.occurred_at
        due = began + (event.occurred_at - origin) / 1000 / speed
        if due - clock() > _WORTH_WAITING_S:
            before_waiting()
            sleep(max(0.0, due - clock()))
        yield event
