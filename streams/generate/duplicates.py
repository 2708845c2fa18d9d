"""Duplicates of a share of a stream's events, as a crashed producer or consumer sends them."""

from collections.abc import Iterable, Iterator
from random import Random

from streams.contracts.events import Event
from streams.generate.memory import RecentItems

_WINDOW = 10_000


def with_duplicates(events: Iterable[Event], share: float, seed: int) -> Iterator[Event]:
    """Yield every event and, after a `share` of them, one of the last 10,000 again.

    Half of the repeats are the event just sent, the others are late: these keep their old time, so
    the stream as a whole is then no longer in time order.

    Args:
        events: Events in time order.
        share: Probability of a repeat after each event, of [0, 1].
        seed: Seed of the draws.
    """
    if not share:
        yield from events
        return
    rng = Random(seed)  # noqa: S311
    recent: RecentItems[Event] = RecentItems(_WINDOW, rng)
    for event in events:
        yield event
        recent.add(event)
        if rng.random() < share:
            late = recent.pick() if rng.random() < 0.5 else None
            yield late or event
