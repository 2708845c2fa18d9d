"""Conversion of deliveries to events of the fan-out topic, and back."""

import hashlib

from streams.contracts.events import DeliveryTask
from streams.contracts.ids import MAX_ID
from streams.views.timeline_cache import Delivery


def task_of(remaining: Delivery, occurred_at: int) -> DeliveryTask:
    """Return the event that asks for the rest of a delivery.

    Its `event_id` is a hash of the rest alone, so asking twice is a duplicate.

    Args:
        rest: The delivery, with the cursor to continue from.
        occurred_at: Time of the event in milliseconds since the Unix epoch.
    """
    packed = b"".join(part.to_bytes(8, "big") for part in remaining)
    digest = hashlib.blake2b(packed, digest_size=8, person=b"DeliveryTask").digest()
    return DeliveryTask(
        event_id=int.from_bytes(digest, "big") & MAX_ID or 1,
        occurred_at=occurred_at,
        author_id=remaining.author_id,
        post_id=remaining.post_id,
        shard=remaining.shard,
        cursor=remaining.cursor,
    )


def delivery_of(task: DeliveryTask) -> Delivery:
    """Return the rest of a delivery that a task asks for."""
    return Delivery(task.author_id, task.post_id, task.shard, task.cursor)
