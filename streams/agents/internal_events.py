"""Events that the pipeline itself writes, as messages: delivery tasks and tier decisions."""

from collections.abc import Callable, Iterator, Sequence

from streams.contracts.catalog import topic_of
from streams.contracts.codec import encode
from streams.contracts.events import AuthorTierChanged, DeliveryTask, Event
from streams.runtime.producer import Message

INTERNAL_TOPICS = tuple(topic_of(kind.__name__).name for kind in (DeliveryTask, AuthorTierChanged))
"""Topics that agents write events to."""


def to_messages(events: Sequence[Event], schema_id: Callable[[str, str], int]) -> Iterator[Message]:
    """Yield the events as messages, in order, each with the key that its topic asks for.

    Args:
        events: Events of the pipeline's own.
        schema_id: Returns the id of the schema for a topic and a record type.
    """
    for event in events:
        record_type = type(event).__name__
        topic = topic_of(record_type)
        key = b"%d" % getattr(event, topic.key)
        yield Message(topic.name, key, encode(event, schema_id(topic.name, record_type)))
