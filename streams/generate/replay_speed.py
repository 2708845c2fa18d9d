"""Replay of events at their own speed, or at a multiple of it."""

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
    """Yield each event at its own time since the first event, divided by `speed`.

    Args:
        events: Events in time order.
        speed: Factor of the replay's speed, above 0; 1 is the events' own speed.
        before_waiting: Called before each wait, for the caller to flush what it buffers.
        clock: Monotonic clock, in seconds.
        sleep: Waits for a number of seconds.
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
