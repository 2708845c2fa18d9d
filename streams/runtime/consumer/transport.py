"""Faust's Kafka transport, which hands out fetched batches and commits by `Positions`."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, cast

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.record import TopicPartition
from streams.runtime.consumer.consumer_rules import Buffer, ConsumerRules
from streams.runtime.consumer.fetch_rules import Fetched, OffsetGap
from streams.runtime.consumer.fetch_thread import BatchFetcher
from streams.runtime.consumer.positions import Positions
from streams.runtime.consumer.raw_batch import RawBatch

WantedFrom = Callable[[Sequence[TopicPartition]], Mapping[TopicPartition, int]]
"""Partitions -> the first offset that is missing from the store of each, if the store knows it."""

_LOG_APPEND_TIME = 1


class BatchConsumer(driver.Consumer):
    """Consumer of one message per fetched batch, its value a `RawBatch`, never more than is wanted.

    It commits what the pipeline applied in sequence, and nothing that Faust alone acknowledged. It
    is the `Consumer` of its `ConsumerRules`, which hold the rules.
    """

    _thread: BatchFetcher

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rules = ConsumerRules(self, cast("BatchApp", self.app).buffer)

    @property
    def positions(self) -> Positions:
        return self.rules.positions

    @property
    def generation(self) -> int:
        return int(self.app.consumer_generation_id)

    @property
    def flowing(self) -> bool:
        return bool(self.flow_active)

    def active(self) -> set[TP]:
        return set(self._get_active_partitions())

    def committed(self, partition: TopicPartition) -> int | None:
        return self._committed_offset[cast(TP, partition)]

    def last_enqueued(self, partition: TopicPartition) -> int | None:
        return self._read_offset[cast(TP, partition)]

    def take_gaps(self) -> Iterator[OffsetGap]:
        return self._thread.rules.take_gaps()

    async def log_start(self, partition: TopicPartition) -> int:
        (start,) = (await self.earliest_offsets(cast(TP, partition))).values()
        return int(start)

    async def seek_to_commits(self) -> None:
        await super().perform_seek()

    async def fetch(self, partitions: Set[TopicPartition], within_s: float) -> Fetched:
        fetched: Any = await self._getmany(cast(set[TP], partitions), within_s)
        return cast(Fetched, fetched)

    async def pause(self, seconds: float) -> None:
        await self._thread.raise_errors()
        await asyncio.sleep(seconds)

    async def perform_seek(self) -> None:
        await self.rules.seek()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await self.rules.revoke(cast(set[TopicPartition], revoked))
        await super().on_partitions_revoked(revoked)

    def ack(self, message: Any) -> bool:  # noqa: ARG002
        """Return `False`: Faust's acknowledgement of messages, also of skipped ones, is ignored."""
        return False

    def _new_consumer_thread(self) -> BatchFetcher:
        return BatchFetcher(self, loop=self.loop, beacon=self.beacon)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Hand out messages as Faust does, but one per fetched batch of a partition."""
        ending: tuple[type[BaseException], ...] = (
            *self.consumer_stopped_errors,
            asyncio.CancelledError,
        )
        try:
            while not (self.should_stop or fetcher.should_stop):
                if not self.flow_active:
                    await self.wait(cast(Any, self.can_resume_flow))
                await self.rules.fetch_next()
                await asyncio.sleep(0)
        except ending:
            if not self.app.should_stop:
                raise

    def pending(self, topic: str) -> list[RawBatch]:
        """Return a topic's batches that are enqueued and that its pipeline has not taken yet."""
        queues = [channel.queue for channel in self._channels(topic)]
        return [event.message.value for queue in queues for event in tuple(queue._queue)]

    def _channels(self, topic: str) -> Collection[Any]:
        conductor: Any = self.app.topics
        return cast(Collection[Any], conductor._topic_name_index[topic])

    async def enqueue(self, partition: TopicPartition, batch: RawBatch, generation: int) -> None:
        tp = cast(TP, partition)
        message = ConsumerMessage(
            batch.topic,
            batch.partition,
            batch.last,
            batch.timestamps[-1] / 1000,
            _LOG_APPEND_TIME,
            None,
            None,
            cast(Any, batch),
            None,
            tp=tp,
            generation_id=generation,
        )
        await self.wait_first(self.callback(message), self.suspend_flow.wait())
        self._read_offset[tp] = batch.last

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (
            TP(topic, partition)
            for topic, partition in self.positions.partitions()
            if topics is None or (topic, partition) in topics or topic in topics
        )

    def _new_offset(self, tp: TP) -> int | None:
        return self.positions.committable(tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: `Positions.received` checks jumps in offsets; they are never acknowledged."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: Faust's watch over streams misses batches taken from a stream's queue."""


class BatchTransport(driver.Transport):
    Consumer = BatchConsumer


class BatchApp(faust.App):
    """A Faust app over `BatchTransport`."""

    buffer = Buffer()
    wanted_from: WantedFrom = staticmethod(lambda _: {})
    """Called at every assignment, in a thread of its own. By default reading begins at the commits.
    """

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    @property
    def batch_consumer(self) -> BatchConsumer:
        return cast(BatchConsumer, self.consumer)

    def group_topics(self, names: Iterable[str]) -> list[Any]:
        """Return the topics of these names, read as raw bytes."""
        return [
            self.topic(name, key_type=bytes, value_type=bytes, value_serializer="raw")
            for name in names
        ]
