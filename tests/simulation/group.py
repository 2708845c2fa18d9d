"""A consumer group as the broker coordinates it: members, generations, and what they commit."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from streams.record import TopicPartition


class Joiner(Protocol):
    """A member, as the coordinator knows it."""

    @property
    def name(self) -> str: ...
    @property
    def rebalance(self) -> asyncio.Event:
        """Set where the next heartbeat tells the member to join again."""
        ...


class Assignment(NamedTuple):
    generation: int
    partitions: tuple[TopicPartition, ...]


class Group:
    """Hands out every partition once a generation, when all members that are left have joined."""

    def __init__(
        self,
        partitions: Iterable[TopicPartition],
        shuffle: Callable[[list[Joiner]], None],
        check: Callable[[Joiner, TopicPartition, int], None],
    ) -> None:
        self.generation = 0
        self.committed: dict[TopicPartition, int] = {}
        self._partitions = sorted(partitions)
        self._shuffle = shuffle
        self._check = check
        self._members: dict[Joiner, None] = {}
        self._joining: dict[Joiner, asyncio.Future[Assignment | None]] = {}

    async def join(self, member: Joiner) -> Assignment | None:
        """Take part in the next generation; None for one that was given up meanwhile."""
        self._members[member] = None
        answer: asyncio.Future[Assignment | None] = asyncio.get_running_loop().create_future()
        self._joining[member] = answer
        self._rebalance()
        return await answer

    def remove(self, member: Joiner) -> None:
        """It has left, or was silent for too long; if it lives, it learns that in time."""
        if member in self._members:
            del self._members[member]
            self._answer(member, None)
            member.rebalance.set()
            self._rebalance()

    def shake(self) -> None:
        """Rebalance for no reason."""
        for member in self._members:
            member.rebalance.set()

    def commit(
        self, member: Joiner, generation: int, offsets: Mapping[TopicPartition, int]
    ) -> bool:
        """Whether it was accepted: not of one that is not a member of this generation."""
        if member not in self._members or generation != self.generation:
            return False
        for at, offset in offsets.items():
            self._check(member, at, offset)
            self.committed[at] = offset
        return True

    def _rebalance(self) -> None:
        for member in self._members:
            if member not in self._joining:
                member.rebalance.set()
        if self._members and len(self._joining) == len(self._members):
            self._complete()

    def _complete(self) -> None:
        self.generation += 1
        members = sorted(self._joining, key=lambda member: member.name)
        self._shuffle(members)
        for number, member in enumerate(members):
            own = tuple(self._partitions[number :: len(members)])
            self._answer(member, Assignment(self.generation, own))

    def _answer(self, member: Joiner, assignment: Assignment | None) -> None:
        answer = self._joining.pop(member, None)
        if answer is not None and not answer.done():  # a killed member hears nothing
            answer.set_result(assignment)
