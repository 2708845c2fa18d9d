"""Faust's fetching thread on the Kafka client: committed records only, one batch for each fetch."""

import asyncio
from collections.abc import Mapping, Set
from typing import Any

import structlog
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.record import TopicPartition
from streams.runtime.consumer.fetch_rules import Fetched, FetchRules
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.consumer.unpack import unpack

log = structlog.get_logger(__name__)

_READ_COMMITTED = "read_committed"


class MembershipLostError(KafkaError):  # type: ignore[misc]  # aiokafka has no types
    """Loss of the membership that the group knew under this process's name.

    Another process took the name, or the session ended. This process must not join again, which
    would take the name back; a new process may.
    """


class BatchFetcher(driver.AIOKafkaConsumerThread):
    """Faust's fetching thread, which hands out each fetched partition as one batch.

    It is the `Fetcher` of its `FetchRules`; only their gaps are taken from another thread.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rules = FetchRules(self)

    async def on_start(self) -> None:
        await super().on_start()
        if self.app.conf.consumer_group_instance_id:
            _join_once(self._ensure_consumer()._coordinator)

    async def raise_errors(self) -> None:
        """Raise the group's error if there is one; aiokafka keeps it until a caller asks.

        Until then aiokafka neither joins nor sends heartbeats, and Faust does not ask.
        """
        await self.call_thread(self._raise_errors)

    async def _raise_errors(self) -> None:
        self._ensure_consumer()._coordinator.check_errors()

    @property
    def generation(self) -> int:
        return int(self.app.consumer_generation_id)

    @property
    def flowing(self) -> bool:
        return bool(self.consumer.flow_active)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Move to the group's commits, or before them if the store is missing earlier records."""
        return await self.call_thread(  # type: ignore[no-any-return]
            self.rules.seek, self._seek_partitions
        )

    async def _seek_partitions(self) -> dict[TP, int]:
        consumer = self._ensure_consumer()
        starts = {
            partition: offset
            for partition, offset in (await consumer.seek_to_committed()).items()
            if offset is not None
        }
        loop = asyncio.get_running_loop()
        app: Any = self.app
        begins = await loop.run_in_executor(None, app.wanted_from, tuple(starts))
        for partition, committed in starts.items():
            begin = begins.get(partition, committed)
            if begin < committed:
                log.info(
                    "beginning before the commit, where the store ends",
                    topic=partition.topic,
                    partition=partition.partition,
                    committed=committed,
                    begin=begin,
                )
                consumer.seek(partition, begin)
                starts[partition] = begin
        return starts

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust would set it only if the app itself writes transactions.
        consumer._isolation_level = _READ_COMMITTED
        return consumer

    async def _fetch_records(  # type: ignore[override]  # batches instead of Faust's lists
        self,
        consumer: Any,  # noqa: ARG002 - it is this thread's own
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,  # noqa: ARG002 - a fetch is handed out whole
    ) -> Fetched:
        return await self.rules.fetch(active_partitions, timeout or 0)

    async def reassigned(self) -> bool:
        """Wait for an assignment that is under way; return whether there was one.

        Raises:
            ConsumerStoppedError: If the client is closed.
            KafkaError: If the group has an error.
        """
        consumer: Any = self._ensure_consumer()
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        consumer._coordinator.check_errors()
        if not fetcher._subscriptions.reassignment_in_progress:
            return False
        await fetcher._subscriptions.wait_for_assignment()
        return True

    def buffered(self, partitions: Set[TopicPartition]) -> dict[TopicPartition, RawBatch]:
        """Return what was already fetched.

        A failed fetch is raised once there is nothing else.
        """
        consumer: Any = self._ensure_consumer()
        fetcher = consumer._fetcher
        with fetcher._subscriptions.fetch_context():
            return self._take_batches(fetcher, partitions)

    def _take_batches(self, fetcher: Any, partitions: Set[TopicPartition]) -> dict[Any, RawBatch]:
        batches: dict[Any, RawBatch] = {}
        for partition, fetched in tuple(fetcher._records.items()):
            if partition not in partitions:
                if not fetcher._subscriptions.is_assigned(partition):
                    del fetcher._records[partition]
                continue
            if not isinstance(fetched, FetchResult) and batches:
                continue
            del fetcher._records[partition]
            fetcher._notify(fetcher._wait_consume_future)  # more may be fetched
            if not isinstance(fetched, FetchResult):
                fetched.check_raise()
            elif (batch := self._unpack(partition, fetched)) is not None:
                batches[partition] = batch
        return batches

    def _unpack(self, partition: Any, fetched: Any) -> RawBatch | None:
        """Return the records of a fetch, if any; move the position past it and record its gaps."""
        if not fetched.check_assignment(partition):
            return None  # a seek or a rebalance came after it
        start = fetched._partition_records.next_fetch_offset
        batch = unpack(fetched._partition_records)
        fetched._update_position()
        end = fetched._partition_records.next_fetch_offset
        self.rules.record_fetch(partition, start, batch, end)
        return batch

    async def wait_for_fetch(self, within_s: float) -> bool:
        """Wait up to `within_s` seconds for a fetch. Return `False` if nothing is fetched."""
        consumer: Any = self._ensure_consumer()
        fetcher = consumer._fetcher
        waiter = fetcher._create_fetch_waiter()
        done, _ = await asyncio.wait([waiter], timeout=within_s)
        if not done or fetcher._closed:
            waiter.cancel()
            return False
        waiter.result()
        return True


def _join_once(coordinator: Any) -> None:
    """Make a named member that lost its membership fail, instead of joining again as aiokafka does.

    The member's heartbeats do not contain its name, so the broker answers that the member is
    unknown, not that the name was taken.
    """
    join_again = coordinator.reset_generation

    def reset_generation() -> None:
        if coordinator.generation > 0 and not coordinator._closing.done():
            raise MembershipLostError(
                f"{coordinator.group_id} no longer knows this process as "
                f"{coordinator._group_instance_id}"
            )
        join_again()

    coordinator.reset_generation = reset_generation
