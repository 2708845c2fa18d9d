"""Servers for a benchmark alone, in a temporary directory and on free ports; or those that run."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from streams.app.broker import schema_registry
from streams.app.settings import Settings
from streams.app.stack import local_stack
from streams.kafka.topics import Topics
from tests.support.local_stack import own_settings


@contextmanager
def servers(names: Sequence[str]) -> Iterator[Settings]:
    """The settings of servers that run as long as this lasts; Kafka has topics and schemas."""
    with tempfile.TemporaryDirectory(prefix="storyline-bench-") as folder:
        settings = own_settings(Path(folder) / "home")
        stack = local_stack(settings)
        try:
            if names:
                stack.up(tuple(names))
            if "kafka" in names:
                prepare(settings)
            yield settings
        finally:
            stack.down()


@contextmanager
def running_servers(names: Sequence[str]) -> Iterator[Settings]:
    """The settings of this process, whose servers already run; Kafka has topics and schemas."""
    settings = Settings()
    if "kafka" in names:
        prepare(settings)
    yield settings


def prepare(settings: Settings) -> None:
    """Topics and schemas; safe to repeat."""
    Topics(settings.bootstrap).apply()
    list(schema_registry(settings).register())
