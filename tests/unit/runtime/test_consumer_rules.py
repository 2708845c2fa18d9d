"""Waits of `ConsumerRules` for a fetch, and between two fetches."""

import asyncio
from collections.abc import Set
from typing import Any, cast

import pytest

from streams.runtime.consumer.consumer_rules import Buffer, Consumer, ConsumerRules

ONE, OTHER = ("things", 0), ("others", 0)


class WaitingMember:
    """A member whose topics in `full` have no room; remembers what it was asked to wait for."""

    flowing, generation = True, 1

    def __init__(self, active: Set[tuple[str, int]], full: Set[str] = frozenset()) -> None:
        self._active = active
        self._full = full
        self.waits: list[tuple[str, float]] = []

    def active(self) -> Set[tuple[str, int]]:
        return self._active

    def pending(self, topic: str) -> list[Any]:
        return [_Batch()] * (64 if topic in self._full else 0)

    def take_gaps(self) -> list[Any]:
        return []

    async def pause(self, seconds: float) -> None:
        self.waits.append(("pause", seconds))

    async def fetch(self, _partitions: object, within_s: float) -> Any:
        self.waits.append(("fetch", within_s))
        return _Nothing()


class _Batch:
    size = 1


class _Nothing:
    generation = 1
    batches: dict[Any, Any] = {}  # noqa: RUF012


@pytest.mark.parametrize(
    ("active", "full", "expected"),
    [
        ({ONE, OTHER}, set(), ("fetch", 1.0)),
        ({ONE, OTHER}, {"things"}, ("fetch", 0.02)),
        ({ONE}, {"things"}, ("pause", 0.02)),
        (set(), set(), ("pause", 0.2)),
    ],
    ids=["all have room", "one is full", "all are full", "none is assigned"],
)
def test_wait_depends_on_room(
    active: Set[tuple[str, int]], full: Set[str], expected: tuple[str, float]
) -> None:
    member = WaitingMember(active, full)
    asyncio.run(ConsumerRules(cast(Consumer, member), Buffer()).fetch_next())
    assert member.waits == [expected]


def test_held_partition_is_not_fetched_and_the_fetch_is_soon_repeated() -> None:
    member = WaitingMember({ONE, OTHER})
    rules = ConsumerRules(cast(Consumer, member), Buffer())
    rules.hold(ONE)
    asyncio.run(rules.fetch_next())
    rules.hold(OTHER)
    asyncio.run(rules.fetch_next())
    rules.resume(ONE)
    rules.resume(OTHER)
    asyncio.run(rules.fetch_next())
    assert member.waits == [("fetch", 0.02), ("pause", 0.02), ("fetch", 1.0)]
