"""Pairs of ids under a state cell: follows, blocks, mutes and likes."""

from collections.abc import Iterable, Iterator

from streams.sinks.cassandra.cells import has_ended
from streams.sinks.cassandra.session import Row


def in_force(pairs: Iterable[Row]) -> Iterator[int]:
    """Yield the ids whose last event did not end the pair: follows and likes in force."""
    return (other for other, cell in pairs if not has_ended(cell))


def ended(pairs: Iterable[Row]) -> Iterator[int]:
    """Yield the ids whose last event is the ending one: blocks and mutes in force."""
    return (other for other, cell in pairs if has_ended(cell))
