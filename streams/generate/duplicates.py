"""Send a share of a stream's events twice, as a producer or a consumer that crashed would."""

from collections.abc import Iterable, Iterator
from random import Random

from streams.contracts.events import Event
from streams.generate.memory import RecentItems

_WINDOW = 10_000


def with_duplicates(events: Iterable[Event], share: float, seed: int) -> Iterator[Event]:
    """Every event, and after that share of them one of the last 10,000 once more.

    Half of the repeats are the event just sent, the others come late: these carry their old time,
    so the stream as a whole is then no longer in time order.
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
