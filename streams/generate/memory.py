"""Memory of the simulated network, bounded for any length of the run."""

from collections import deque
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class RecentItems(Generic[T]):
    """The last `capacity` items; draws prefer the newest."""

    def __init__(self, capacity: int, rng: Random) -> None:
        self._items: list[T | None] = []
        self._capacity = capacity
        self._cursor = 0  # where the next item goes
        self._random = rng.random

    def add(self, item: T) -> None:
        if len(self._items) < self._capacity:
            self._items.append(item)
        else:
            self._items[self._cursor] = item
        self._cursor = (self._cursor + 1) % self._capacity

    def pick(self) -> T | None:
        """Draw an item; return `None` if there is none or the drawn slot was emptied."""
        slot = self._draw()
        return None if slot is None else self._items[slot]

    def take(self) -> T | None:
        """Draw and remove an item; return `None` if there is none or the drawn slot was emptied."""
        slot = self._draw()
        if slot is None:
            return None
        item, self._items[slot] = self._items[slot], None
        return item

    def _draw(self) -> int | None:
        size = len(self._items)
        if not size:
            return None
        draw = self._random()
        return (self._cursor - 1 - int(draw * draw * size)) % size


class Pairs:
    """Ordered pairs of users in force (blocks, mutes), at most `capacity`."""

    def __init__(self, capacity: int, rng: Random) -> None:
        self._order: list[int] = []
        self._members: set[int] = set()
        self._capacity = capacity
        self._random = rng.random

    def __contains__(self, pair: tuple[int, int]) -> bool:
        return pair[0] << 32 | pair[1] in self._members

    def between(self, user: int, other: int) -> bool:
        """Return whether the pair is in force in either direction."""
        members = self._members
        return user << 32 | other in members or other << 32 | user in members

    def add(self, user: int, other: int) -> bool:
        """Put the pair in force; return `False` if it is already, or `capacity` is reached."""
        packed = user << 32 | other
        if packed in self._members or len(self._order) >= self._capacity:
            return False
        self._members.add(packed)
        self._order.append(packed)
        return True

    def pick(self) -> tuple[int, int] | None:
        """Draw a pair in force; return `None` if there is none."""
        if not self._order:
            return None
        packed = self._order[int(self._random() * len(self._order))]
        return packed >> 32, packed & 0xFFFFFFFF

    def take(self) -> tuple[int, int] | None:
        """Draw a pair, end it and return it; return `None` if there is none."""
        if not self._order:
            return None
        slot = int(self._random() * len(self._order))
        packed, self._order[slot] = self._order[slot], self._order[-1]
        self._order.pop()
        self._members.remove(packed)
        return packed >> 32, packed & 0xFFFFFFFF


class DeletedIds:
    """Ids of the last `capacity` deleted items."""

    def __init__(self, capacity: int) -> None:
        self._order: deque[int] = deque()
        self._members: set[int] = set()
        self._capacity = capacity

    def __contains__(self, content_id: int) -> bool:
        return content_id in self._members

    def add(self, content_id: int) -> None:
        if len(self._order) == self._capacity:
            self._members.remove(self._order.popleft())
        self._order.append(content_id)
        self._members.add(content_id)
