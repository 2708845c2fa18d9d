"""Catalogue of the record types and topics, read from the packaged `avro/` files."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from streams.contracts.times import DAY_MS

NAMESPACE: Final = "social.v1"
DLQ_SUFFIX: Final = ".dlq"
FOREVER: Final = -1
DLQ_MAX_BYTES: Final = 2 * 1024 * 1024
"""A dead letter is its record plus headers: larger than the source topic's limit of 1 MiB."""
DLQ_CODEC: Final = "gzip"
"""Clients such as KafkaJS read gzip and no other codec without a plug-in."""

_PACKAGED = Path(__file__).parent.parent / "avro"
_CHECKOUT = Path(__file__).parents[2] / "avro"

Schema = Mapping[str, Any]
"""An Avro record schema as plain JSON values."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as its file describes it; `retention_ms` is -1 if records are kept permanently."""

    name: str
    description: str
    key: str
    partitions: int
    retention_ms: int
    timestamps: str
    records: tuple[str, ...]
    dlq_retention_ms: int | None
    """`None` if the topic has no dead letter topic."""
    writers: tuple[str, ...]
    readers: tuple[str, ...]

    @property
    def dlq(self) -> str:
        return self.name + DLQ_SUFFIX

    @property
    def config(self) -> dict[str, str]:
        """Return the broker's settings of the topic."""
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_ms),
            "message.timestamp.type": self.timestamps,
        }

    @property
    def dlq_config(self) -> dict[str, str]:
        """Return the broker's settings of the dead letter topic.

        The topic keeps its records' own times. The broker recompresses its batches with the codec
        that every Kafka client reads, whatever codec the producer has used.
        """
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(self.dlq_retention_ms),
            "message.timestamp.type": "CreateTime",
            "compression.type": DLQ_CODEC,
            "max.message.bytes": str(DLQ_MAX_BYTES),
        }


def avro_dir() -> Path:
    """Return the folder of schemas, topics and examples: in the wheel, or in a checkout."""
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


@functools.cache
def schemas() -> Mapping[str, Schema]:
    """Return the schemas that this version writes and reads: record type -> schema."""
    return MappingProxyType(read_schemas(avro_dir() / "v1"))


def read_schemas(folder: Path) -> dict[str, Schema]:
    """Return the schemas of the .avsc files in a folder: record type -> schema."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.avsc"))
    }


@functools.cache
def released() -> Mapping[str, Mapping[str, Schema]]:
    """Return the released schemas: release -> record type -> schema, oldest release first."""
    folders = [path for path in (avro_dir() / "released").iterdir() if path.is_dir()]
    folders.sort(key=lambda path: tuple(int(part) for part in path.name.split(".")))
    return MappingProxyType({folder.name: read_schemas(folder) for folder in folders})


@functools.cache
def topics() -> Mapping[str, TopicSpec]:
    """Return every topic of events: name -> description."""
    specs = (_read_topic(path) for path in sorted((avro_dir() / "topics").glob("*.yaml")))
    return MappingProxyType({spec.name: spec for spec in specs})


@functools.cache
def captured_topics() -> Mapping[str, TopicSpec]:
    """Return the topics that a change-data-capture connector writes: name -> description.

    They hold no events; the connector uses its own schemas.
    """
    specs = (_read_topic(path) for path in sorted((avro_dir() / "captured").glob("*.yaml")))
    return MappingProxyType({spec.name: spec for spec in specs})


@functools.cache
def internal_topics() -> Mapping[str, TopicSpec]:
    """Return the topics that Storyline's own commands write and read: name -> description.

    They hold JSON, no events.
    """
    specs = (_read_topic(path) for path in sorted((avro_dir() / "internal").glob("*.yaml")))
    return MappingProxyType({spec.name: spec for spec in specs})


@functools.cache
def topic_of(record_type: str) -> TopicSpec:
    """Return the topic that carries a record type. Raises KeyError if no topic lists the type."""
    for spec in topics().values():
        if record_type in spec.records:
            return spec
    raise KeyError(record_type)


def subject(topic: str, record_type: str) -> str:
    """Return the registry's subject of a record type in a topic (strategy TopicRecordName)."""
    return f"{topic}-{NAMESPACE}.{record_type}"


def key_of(record_type: str, fields: Mapping[str, Any]) -> bytes:
    """Return the record key of an event: the id that its topic names, as decimal text."""
    return b"%d" % fields[topic_of(record_type).key]


def _read_topic(path: Path) -> TopicSpec:
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    return TopicSpec(
        name=raw["topic"],
        description=raw["description"],
        key=raw["key"],
        partitions=raw["partitions"],
        retention_ms=_retention(raw["retention"]),
        timestamps=raw["timestamps"],
        records=tuple(raw.get("records", ())),
        dlq_retention_ms=_retention(raw["dlq"]["retention"]) if "dlq" in raw else None,
        writers=tuple(raw["writers"]),
        readers=tuple(raw["readers"]),
    )


def _retention(text: str) -> int:
    return FOREVER if text == "forever" else int(text.removesuffix("d")) * DAY_MS
