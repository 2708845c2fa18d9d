"""The oracle: what a store must hold in the end, by a plain fold of the log."""

from collections.abc import Iterable
from typing import NamedTuple

from tests.simulation.log import Partition, decode


class State(NamedTuple):
    """The newest event per key, the smallest event that claims a key, and every event folded."""

    newest: dict[str, tuple[int, int]]
    claims: dict[str, int]
    folded: set[int]


def fold(partitions: Iterable[Partition]) -> State:
    """The state after every record, in order."""
    state = State({}, {}, set())
    for partition in partitions:
        for value, due in zip(partition.values, partition.dues, strict=True):
            if due.effect is None or value is None:
                continue
            event = decode(value)
            state.folded.add(event.event_id)
            if event.kind == "claim":
                smallest = state.claims.get(event.key, event.event_id)
                state.claims[event.key] = min(smallest, event.event_id)
            else:
                stamp = (event.stamp, event.event_id)
                state.newest[event.key] = max(state.newest.get(event.key, stamp), stamp)
    return state
