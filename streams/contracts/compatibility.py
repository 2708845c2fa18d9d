"""Check that today's schemas can read everything that any release has written."""

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import make_avsc_object

from streams.contracts.catalog import Schema, released, schemas


class Break(NamedTuple):
    """A released schema whose records today's schema cannot read."""

    record_type: str
    release: str
    reasons: tuple[str, ...]


def breaks(
    readers: Mapping[str, Schema] | None = None,
    releases: Mapping[str, Mapping[str, Schema]] | None = None,
) -> Iterator[Break]:
    """Yield each breach of BACKWARD_TRANSITIVE: each reader against all releases of its type.

    Args:
        readers: Record type -> schema that reads; by default, this version's.
        releases: Release -> record type -> schema that wrote; by default, every release's.
    """
    readers = schemas() if readers is None else readers
    for release, writers in (released() if releases is None else releases).items():
        for record_type, writer in writers.items():
            reader = readers.get(record_type)
            if reader is None:
                yield Break(record_type, release, ("the record type is gone",))
                continue
            reasons = _compare(reader, writer)
            if reasons:
                yield Break(record_type, release, reasons)


def differences(record_type: str, writer: Schema) -> tuple[str, ...]:
    """Return the reasons why today's schema of a record type cannot read what `writer` wrote.

    The result is `()` if it can.
    """
    return _compare(schemas()[record_type], writer)


def _compare(reader: Schema, writer: Schema) -> tuple[str, ...]:
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    result = checker.get_compatibility(
        make_avsc_object(json.loads(json.dumps(reader))),
        make_avsc_object(json.loads(json.dumps(writer))),
    )
    if result.compatibility is SchemaCompatibilityType.compatible:
        return ()
    where = sorted(result.locations) or [""]
    return tuple(f"{message} (at {', '.join(where)})" for message in sorted(result.messages))
