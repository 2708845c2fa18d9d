"""Faust's Kafka transport, committing by `Positions`."""

from collections.abc import Iterable, Iterator
from typing import Any, cast

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.runtime.positions import Positions


class PositionConsumer(driver.Consumer):
    """Commits what the pipeline applied in sequence, and nothing that Faust alone acknowledged."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.positions = Positions()

    def start_position(self, partition: TP) -> int:
        """Where this group begins in a partition it was just assigned."""
        return self._committed_offset[partition] or 0

    async def log_start(self, partition: TP) -> int:
        """The first offset that retention has left. Waits for the fetch under way."""
        (earliest,) = (await self.earliest_offsets(partition)).values()
        return int(earliest)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await self.commit()
        self.positions.forget(cast(set[tuple[str, int]], revoked))
        await super().on_partitions_revoked(revoked)

    def ack(self, message: Any) -> bool:  # noqa: ARG002
        """Faust's acknowledgement of single messages (also of those it skips) has no effect."""
        return False

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (
            TP(topic, partition)
            for topic, partition in self.positions.partitions()
            if topics is None or (topic, partition) in topics or topic in topics
        )

    def _new_offset(self, tp: TP) -> int | None:
        return self.positions.committable(tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """A jump in offsets is judged by `Positions.arrived`, never taken as read."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's watch over streams does not see batches taken from a stream's queue."""


class PositionTransport(driver.Transport):
    Consumer = PositionConsumer


class PositionApp(faust.App):
    """A Faust app over `PositionTransport`."""

    def _new_transport(self) -> PositionTransport:
        return PositionTransport(self.conf.broker_consumer, self)

    @property
    def position_consumer(self) -> PositionConsumer:
        return cast(PositionConsumer, self.consumer)

    def group_topics(self, names: Iterable[str]) -> list[Any]:
        """The topics, read as raw bytes."""
        return [
            self.topic(name, key_type=bytes, value_type=bytes, value_serializer="raw")
            for name in names
        ]
