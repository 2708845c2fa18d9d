"""A log in memory, of events as dicts, to be read as the broker's is; and what fails beside it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from streams.contracts.catalog import schemas, topic_of
from streams.contracts.codec import encode
from streams.contracts.decoder import decode_and_validate
from streams.contracts.events import EVENT_TYPES
from streams.contracts.records import Records
from streams.contracts.rows import events
from streams.errors import StoreUnavailableError
from streams.kafka.log_reader import Span
from streams.record import Record, RecordPosition
from streams.sinks.memory.timeline_cache import MemoryTimelineCache
from streams.verification.feed_events import partition_of
from streams.views.timeline_cache import Timeline
from tests.oracle.validity import Event

PARTITIONS = 4
APPENDED_AT = 4_000_000_000_000
"""After every event: none comes from the future."""
_TYPES = sorted(EVENT_TYPES)


def schema_text(schema_id: int) -> str | None:
    """A codec.SchemaLookup of this version's own schemas."""
    return json.dumps(schemas()[_TYPES[schema_id]])


class MemoryLog:
    """Topics of four partitions, written by key; read `piece` records at a time."""

    def __init__(self, told: Iterable[Event] = (), *, piece: int = 3) -> None:
        self._piece = piece
        self._records: dict[tuple[str, int], list[Record]] = {}
        self.first = 0
        """The first offset that is still there."""
        self.scanned: list[tuple[str, int]] = []
        self.append(told)

    def append(self, told: Iterable[Event]) -> None:
        for event in told:
            kind = event["type"]
            spec = topic_of(kind)
            self.append_value(spec.name, event[spec.key], _encoded(event))

    def append_value(self, topic: str, key: int, value: bytes | None) -> None:
        partition = partition_of(key, PARTITIONS)
        records = self._records.setdefault((topic, partition), [])
        raw_key = str(key).encode()
        records.append(Record(topic, partition, len(records), APPENDED_AT, raw_key, value))

    def event_at(self, place: RecordPosition) -> Any:
        record = self._records[place.topic, place.partition][place.offset]
        ((_, event),) = events(
            decode_and_validate(Records.of([record]), place.topic, schema_text)[0]
        )
        return event

    def spans(self, topic: str) -> Mapping[int, Span]:
        return {
            at: Span(self.first, len(self._records.get((topic, at), ())))
            for at in range(PARTITIONS)
        }

    def scan(self, topic: str, spans: Mapping[int, Span]) -> Iterator[Records]:
        self.scanned += [(topic, at) for at in spans]
        found = [
            record
            for at, span in spans.items()
            for record in self._records.get((topic, at), ())[span.start : span.end]
        ]
        for start in range(0, len(found), self._piece):
            yield Records.of(found[start : start + self._piece])


class GoneTimelines(MemoryTimelineCache):
    """A server that does not answer."""

    def read(self, reader: int) -> Timeline | None:  # noqa: ARG002
        raise StoreUnavailableError("gone")


class Unwatched:
    """Whoever is told of progress and does not care."""

    def stage(self, what: str, total: int) -> None: ...

    def step(self, done: int) -> None: ...


def _encoded(event: Event) -> bytes:
    kind = event["type"]
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in event.items()
        if name != "type"
    }
    return encode(EVENT_TYPES[kind](**given), _TYPES.index(kind))
