"""Delivery tasks as messages of the fan-out topic."""

from collections.abc import Sequence

from streams.contracts.catalog import topic_of
from streams.contracts.codec import encode
from streams.contracts.events import DeliveryTask
from streams.runtime.outbox import Message

RECORD_TYPE = DeliveryTask.__name__
TOPIC = topic_of(RECORD_TYPE).name


def task_messages(tasks: Sequence[DeliveryTask], schema_id: int) -> list[Message]:
    """The tasks in order, keyed by shard; `schema_id` is that of DeliveryTask in the registry."""
    return [Message(TOPIC, key=b"%d" % task.shard, value=encode(task, schema_id)) for task in tasks]
