"""Clients of the broker and the schema registry, built from the settings."""

from streams.app.settings import Settings
from streams.kafka.log_reader import LogReader
from streams.kafka.schema_registry import SchemaRegistry
from streams.kafka.topics import Topics
from streams.producer import EventProducer


def event_producer(settings: Settings) -> EventProducer:
    """Return a producer that mints ids with the deployment's node id. Raises PublishError."""
    return EventProducer(settings.bootstrap, settings.registry_url, node=settings.node_id)


def schema_registry(settings: Settings) -> SchemaRegistry:
    return SchemaRegistry(settings.registry_url)


def topic_admin(settings: Settings) -> Topics:
    return Topics(settings.bootstrap)


def log_reader(settings: Settings) -> LogReader:
    return LogReader(settings.bootstrap)
