"""Delivery tasks: one page of followers each, and the next task if any followers are left."""

from collections.abc import Sequence
from dataclasses import dataclass

from streams.agents.base import AgentDependencies, AgentSteps, ViewAgent, id_conflict
from streams.agents.delivery_tasks import delivery_of, task_of
from streams.contracts.batch import Batch, Rejected
from streams.contracts.decoder import decode_and_validate
from streams.contracts.events import DeliveryTask, Event
from streams.contracts.ids import id_time
from streams.contracts.records import Records, RecordSlice
from streams.contracts.rows import events
from streams.record import RecordPosition
from streams.runtime.processing.pipeline import Steps
from streams.views.timeline_cache import Delivery


@dataclass(frozen=True, slots=True)
class _Tasks:
    """The distinct tasks of a batch."""

    tasks: Sequence[Event]
    applied: int
    duplicates: int
    conflicts: Sequence[RecordPosition] = ()


class _DeliverySteps:
    def __init__(self, services: AgentDependencies, topic: str) -> None:
        self._services = services
        self._topic = topic

    def decode(self, batches: Sequence[RecordSlice]) -> tuple[Batch, list[Rejected]]:
        return decode_and_validate(Records.joined(batches), self._topic, self._services.lookup)

    def project(self, batch: Batch) -> _Tasks:
        distinct = tuple(dict.fromkeys(event for _, event in events(batch)))
        return _Tasks(distinct, applied=len(distinct), duplicates=len(batch) - len(distinct))

    def apply(self, tasks: _Tasks) -> None:
        """Serve one page of each task, then send the next task of each unfinished delivery."""
        services = self._services
        deliveries: list[Delivery] = []
        for task in tasks.tasks:
            assert isinstance(task, DeliveryTask)  # noqa: S101 - the topic's only record type
            deliveries.append(delivery_of(task))
        unfinished = services.timelines.deliver_pages(deliveries, services.delivery_page)
        next_tasks = [task_of(delivery, id_time(delivery.post_id)) for delivery in unfinished]
        if next_tasks:
            services.send(next_tasks)


def _steps(services: AgentDependencies, topic: str) -> AgentSteps:
    steps = _DeliverySteps(services, topic)
    return Steps(steps.decode, steps.project, steps.apply, id_conflict)


DELIVERY = ViewAgent(topics=("storyline.fanout.v1",), steps=_steps)
