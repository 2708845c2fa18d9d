"""Readable views of a topic's records: events, undecodable records and dead letters."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streams.contracts.batch import Batch
from streams.contracts.catalog import DLQ_SUFFIX, topics
from streams.contracts.codec import SchemaLookup, decode
from streams.contracts.decoder import decode_and_validate
from streams.contracts.events import Event
from streams.contracts.json_codec import to_json
from streams.contracts.records import Records
from streams.contracts.rows import events
from streams.contracts.times import format_time
from streams.errors import UserError
from streams.record import Record
from streams.runtime.dead_letters import header_names

_REASONS: Final[Mapping[str, str]] = {
    "code": header_names.CODE_HEADER,
    "message": header_names.MESSAGE_HEADER,
    "group": header_names.GROUP_HEADER,
    "topic": header_names.TOPIC_HEADER,
    "partition": header_names.PARTITION_HEADER,
    "offset": header_names.OFFSET_HEADER,
    "stage": header_names.STAGE_HEADER,
    "exception": header_names.ERROR_HEADER,
}
"""Name of each detail of a failure -> header with its text."""


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record as shown. `error` is why it cannot be applied; `dead_letter` why it was not.

    `error` is (code, message); `dead_letter` maps each detail of the failure to its text. Both are
    `None` if they do not apply.
    """

    record: Record
    event: Event | None
    error: tuple[str, str] | None
    dead_letter: Mapping[str, str] | None


def source_of(topic: str) -> str:
    """Return the topic whose record types `topic` carries: itself, or a dead letter topic's source.

    Raises UserError if Storyline has no such topic.
    """
    source = topic.removesuffix(DLQ_SUFFIX)
    if source not in topics():
        raise UserError(
            f"{topic} is none of Storyline's topics",
            hint="There are, each with its .dlq: " + ", ".join(topics()),
        )
    return source


def decode_for_display(
    records: Sequence[Record], topic: str, lookup: SchemaLookup
) -> Iterator[RecordView]:
    """Yield a view of each record of a topic, in order.

    Raises:
        UserError: Storyline has no such topic.
        RegistryUnavailableError: The schema registry cannot answer now.
    """
    source = source_of(topic)
    columns = Records.of(records)
    batch, undecoded = decode(columns, source, lookup)
    decoded = dict(events(Batch(topic, batch.columns)))  # `batch` names the source topic
    rejected = undecoded if topic != source else decode_and_validate(columns, source, lookup)[1]
    errors = {reason.record.position: (str(reason.code), reason.message) for reason in rejected}
    for record in records:
        yield RecordView(
            record,
            decoded.get(record.position),
            errors.get(record.position),
            _reasons(record) if topic != source else None,
        )


def view_json(view: RecordView) -> dict[str, Any]:
    """Return the record as one JSON object; a value that cannot be decoded is in base64."""
    record = view.record
    shown: dict[str, Any] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "append_time": format_time(record.append_time),
        "key": None if record.key is None else record.key.decode("utf-8", "backslashreplace"),
    }
    if view.event is not None:
        shown["event"] = to_json(view.event)
    else:
        value = record.value
        shown["value_base64"] = None if value is None else base64.b64encode(value).decode()
    if view.error is not None:
        shown["error"] = {"code": view.error[0], "message": view.error[1]}
    if view.dead_letter is not None:
        shown["dead_letter"] = dict(view.dead_letter)
    return shown


def _reasons(record: Record) -> dict[str, str]:
    """Return why a record became a dead letter; of equal header names the last one counts."""
    headers = dict(record.headers)
    return {
        name: value.decode("utf-8", "backslashreplace")
        for name, header in _REASONS.items()
        if (value := headers.get(header)) is not None
    }
