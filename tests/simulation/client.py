"""The Kafka client of one process: what it is assigned, and where it reads on."""

import asyncio
from collections.abc import Awaitable, Callable, Set
from contextlib import suppress

from streams.record import TopicPartition
from streams.runtime.consumer.fetch_rules import FetchRules
from streams.runtime.consumer.raw_batch import RawBatch
from tests.simulation.group import Assignment, Group
from tests.simulation.log import Log


class Client:
    """The `Fetcher` of a process's `FetchRules`, over the log in memory."""

    def __init__(
        self,
        log: Log,
        group: Group,
        *,
        lag: Callable[[], Awaitable[None]],
        flowing: Callable[[], bool],
        most: Callable[[], int],
        coin: Callable[[], bool],
    ) -> None:
        self.rules = FetchRules(self)
        self.generation = 0
        self.assigned: tuple[TopicPartition, ...] = ()
        self._log = log
        self._group = group
        self._lag = lag
        self._flowing = flowing
        self._most = most
        self._coin = coin
        self._next: dict[TopicPartition, int] = {}
        self._stood: dict[TopicPartition, list[int]] = {}
        """Where the fetches of each partition began, since it was sought."""
        self._settled = asyncio.Event()

    @property
    def flowing(self) -> bool:
        return self._flowing()

    def rejoining(self) -> None:
        self._settled.clear()

    def assign(self, assignment: Assignment) -> None:
        """Stand at the group's commits, or at the log's start."""
        self.generation, self.assigned = assignment
        self._next = {
            at: self._group.committed.get(at, self._log.partitions[at].start)
            for at in self.assigned
        }
        self._stood.clear()
        self._settled.set()

    async def seek(self) -> dict[TopicPartition, int | None]:
        """Go to the group's commits, one partition after the other."""
        commits: dict[TopicPartition, int | None] = {}
        for at in self.assigned:
            await self._lag()
            commits[at] = offset = self._group.committed.get(at)
            if offset and at in self._next:
                self._next[at] = offset
                self._stood.pop(at, None)
        await self._lag()
        return commits

    def go_back(self, fetches: int) -> None:
        """Stand where the last fetches of each partition began, as if their answers were lost."""
        for at, stood in self._stood.items():
            self._next[at] = stood[-min(fetches, len(stood))]

    async def reassigned(self) -> bool:
        if self._settled.is_set():
            return False
        await self._settled.wait()
        return True

    def buffered(self, partitions: Set[TopicPartition]) -> dict[TopicPartition, RawBatch]:
        batches = {}
        for at in sorted(partitions):
            start = self._next.get(at)
            if start is None:
                continue
            batch, end = self._log.partitions[at].read(start, self._most(), skip_gaps=self._coin())
            if end > start:
                self._next[at] = end
                self._stood.setdefault(at, []).append(start)
                self.rules.record_fetch(at, start, batch, end)
            if batch is not None:
                batches[at] = batch
        return batches

    async def wait_for_fetch(self, within_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._log.grown()
                return True
        return False
