"""What the processes of a simulated run share, and what must hold at every moment."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from streams.record import TopicPartition
from streams.runtime.consumer.consumer_rules import Buffer
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.monitoring.metric_names import APPLIED, CONSUMED, DEAD_LETTERS, DUPLICATES
from streams.runtime.monitoring.metrics import Metrics
from tests.simulation.fold import fold
from tests.simulation.group import Group, Joiner
from tests.simulation.log import Log
from tests.simulation.store import Faults, Store
from tests.simulation.virtual import VirtualLoop

GROUP = "simulated"
BUFFER = Buffer(size=150, batches=5)
COMMIT_S = 0.1
SESSION_S = 0.4
FETCH_RECORDS = 4
RECORD_BYTES = 40


class Member(Joiner, Protocol):
    """A process, as far as it is judged."""

    @property
    def metrics(self) -> Metrics: ...
    def kill(self) -> None: ...


class World:
    """One log, group and store, the clock and the dice, and a record of every step."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.loop = VirtualLoop()
        self.topics = ("likes", "posts")[: self.random.randint(1, 2)]
        starts = {
            (topic, number): self.random.choice((0, 0, 7))
            for topic in self.topics
            for number in range(self.random.randint(1, 3))
        }
        self.batch_records = self.random.choice((1, 3, 10))
        self.log = Log(starts)
        self.group = Group(starts, self.random.shuffle, self.check_commit)
        self.store = Store(Faults(lambda rate: self.random.random() < rate))
        self.steps: list[tuple[float, str, tuple[object, ...]]] = []
        self.failed: asyncio.Future[None] = self.loop.create_future()
        self.crashed: list[Member] = []
        self._settled: dict[TopicPartition, int] = dict.fromkeys(starts, 0)

    # Dice

    def latency(self) -> float:
        """Of one step: often none, mostly short, at times long."""
        draw = self.random.random()
        if draw < 0.3:
            return 0.0
        return self.random.random() * (0.01 if draw < 0.95 else 0.15)

    def batch_wait(self) -> float:
        return self.random.choice((0.0, 0.01, 0.05))

    def fetch_records(self) -> int:
        return self.random.randint(1, FETCH_RECORDS)

    def coin(self) -> bool:
        return self.random.random() < 0.5

    # What happens

    def tell(self, step: str, *args: object) -> None:
        """Record a step; it is put into words only where a run fails."""
        self.steps.append((self.loop.time(), step, args))

    def fail(self, error: BaseException) -> None:
        """The run has failed."""
        if not self.failed.done():
            self.failed.set_exception(error)

    def crash(self, member: Member, why: str) -> None:
        """A process ends from one moment to the next; the group learns it by its silence."""
        self.tell("%s ends: %s", member.name, why)
        member.kill()
        self.crashed.append(member)
        self.loop.call_later(SESSION_S, self.group.remove, member)

    # What must hold

    def check_commit(self, member: Joiner, at: TopicPartition, offset: int) -> None:
        """Every record before a commit has become what it has to: nothing is lost by a crash."""
        partition = self.log.partitions[at]
        if not self.group.committed.get(at, partition.start) <= offset <= partition.end:
            failure = f"{member.name} commits {offset} of {at}: back, or outside the log"
            self.fail(AssertionError(failure))
        count = self._settled[at]
        while count < len(partition.offsets) and partition.offsets[count] < offset:
            if not self.store.holds(partition.dues[count]):
                lost = partition.offsets[count]
                self.fail(
                    AssertionError(f"{member.name} commits {offset} of {at}; {lost} is not applied")
                )
                return
            count += 1
        self._settled[at] = count

    def check_memory(self, name: str, topic: str, waiting: Sequence[RawBatch]) -> None:
        """What waits is bounded in bytes and batches, besides one fetch of each partition."""
        partitions = sum(at[0] == topic for at in self.log.partitions)
        most = BUFFER.size + partitions * FETCH_RECORDS * RECORD_BYTES
        size = sum(batch.size for batch in waiting)
        if size >= most or len(waiting) >= BUFFER.batches + partitions:
            failure = f"{name} keeps {size} bytes in {len(waiting)} batches waiting"
            self.fail(AssertionError(failure))

    def check_buffered(self, name: str, buffered: Sequence[RawBatch]) -> None:
        """What of a partition is kept while it is held, or since, is what waited for it then."""
        sizes: Counter[int] = Counter()
        for batch in buffered:
            sizes[batch.partition] += batch.size
        most = BUFFER.size + 2 * FETCH_RECORDS * RECORD_BYTES
        if sizes and max(sizes.values()) >= most:
            self.fail(AssertionError(f"{name} sets {dict(sizes)} bytes of partitions aside"))

    def check_conservation(self, member: Member) -> None:
        """What was consumed is what was applied, recognised or buried."""
        counts: Counter[str] = Counter()
        for family in member.metrics.registry.collect():
            for sample in family.samples:
                counts[sample.name] += int(sample.value)
        record_batch = sum(counts[name] for name in (APPLIED, DUPLICATES, DEAD_LETTERS))
        if counts[CONSUMED] != record_batch:
            failure = {name: count for name, count in counts.items() if name.endswith("_total")}
            self.fail(AssertionError(f"{member.name}: {failure} do not add up"))

    def check_store(self) -> None:
        """The store is the oracle's fold of the log; every record has become what it has to."""
        partitions = self.log.partitions.values()
        assert self.store.state == fold(partitions), "the store is not the fold of the log"
        for partition in partitions:
            for offset, due in zip(partition.offsets, partition.dues, strict=True):
                assert self.store.holds(due), f"{offset} of {partition.at} is not a dead letter"

    @property
    def unread(self) -> dict[TopicPartition, tuple[int | None, int]]:
        """Partitions that are not committed to their end: their commit, their end."""
        committed = self.group.committed
        return {
            at: (committed.get(at), partition.end)
            for at, partition in self.log.partitions.items()
            if committed.get(at, partition.start) != partition.end
        }
