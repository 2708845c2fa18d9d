"""Writer of generated events to the log, built from the settings."""

from collections.abc import Iterator
from contextlib import contextmanager

from streams.app.settings import Settings
from streams.contracts.catalog import topic_of
from streams.contracts.times import now_ms
from streams.generate.event_writers import KafkaWriter, PoisonedWriter
from streams.generate.malformed_records import MalformedRecords
from streams.kafka.schema_registry import SchemaRegistry
from streams.producer import EventProducer

_POISON_NODE = 1022


@contextmanager
def open_log(
    settings: Settings, *, bad: int = 0, events: int = 0
) -> Iterator[KafkaWriter | PoisonedWriter]:
    """Open the log for generated events.

    Args:
        settings: Settings that name the broker and the registry.
        bad: Number of malformed records to spread evenly among the events.
        events: Expected number of events.

    Yields:
        The writer. Everything sent to it is acknowledged when the context ends.

    Raises:
        PublishError: the broker does not answer or stops acknowledging.
    """
    with EventProducer(settings.bootstrap, settings.registry_url, node=_POISON_NODE) as producer:
        log = KafkaWriter(producer)
        if not bad:
            yield log
            return
        registry = SchemaRegistry(settings.registry_url)
        malformed = MalformedRecords(
            lambda record_type: registry.schema_id(topic_of(record_type).name, record_type),
            now_ms(),
            _POISON_NODE,
        )
        writer = PoisonedWriter(log, settings.bootstrap, malformed, count=bad, events=events)
        yield writer
        writer.finish()
