"""Names of the schema that a record was written with: in front of its value or in a header.

| serde | place | id |
|---|---|---|
| Confluent's | the first five bytes: 0x00 and four bytes, big-endian | id |
| Confluent's, header | `__value_schema_id`: 0x00 and the id, or 0x01 and 16 bytes | id or GUID |
| Apicurio's | `apicurio.value.globalId`, `apicurio.value.contentId`: eight bytes | that id |

A header takes precedence over the value, as in the serdes themselves. A frame that names the schema
in another way is refused with a message that names the setting to change: a guess could read a
follow as an unfollow. Keys have the same headers with `key` instead of `value`.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from streams.record import Headers

PREFIX: Final = 5
"""Number of bytes of Confluent's frame in front of a body."""
LARGEST_ID: Final = (1 << 31) - 1
"""Largest schema id: registries issue positive 32-bit ids."""

_GUID_HEADER: Final = "__{part}_schema_id"
_APICURIO: Final = "apicurio.{part}."
_CONTENT_ID, _GLOBAL_ID, _ENCODING = "contentId", "globalId", "encoding"
_COORDINATES: Final = ("contentHash", "artifactId")
_LONG: Final = 8
_GUID_LENGTH: Final = 17
_FRAME: Final = "Confluent's frame is expected: 0x00, a schema id of four bytes, the Avro body"
_CONFLUENT_SETTINGS: Final = (
    "set apicurio.registry.headers.enabled=false, apicurio.registry.as-confluent=true "
    "and apicurio.registry.use-id=contentId at the producer"
)
_OTHER_FRAMES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"Obj\x01", "the value is an Avro container file"),
    (b"\xc3\x01", "the value is in Avro's single-object encoding"),
    (b"\x03\x00", "the value is framed by the serializer of AWS Glue"),
    (b"\x03\x05", "the value is framed by the serializer of AWS Glue"),
    (b"{", "the value is JSON text"),
    (b"[", "the value is JSON text"),
)


class RecordPart(StrEnum):
    """The part of a record that a frame belongs to."""

    KEY = "key"
    VALUE = "value"


class ForeignKind(StrEnum):
    """Kind of a schema id that does not belong to Confluent's API."""

    GLOBAL = "global id"
    GUID = "GUID"


class ForeignId(NamedTuple):
    """Id of a schema that Confluent's API does not know by a number."""

    kind: ForeignKind
    value: str
    header: str
    """The header that carries it."""

    def __str__(self) -> str:
        return f"with the {self.kind} {self.value} of the header {self.header}"


SchemaRef = int | ForeignId
"""A schema as a record names it; a number is the id in Confluent's API."""


class FrameError(ValueError):
    """A header that names the schema in an unsupported way; the message says what to change."""


def schemas_in_headers(
    headers: Sequence[Headers], part: RecordPart = RecordPart.VALUE
) -> Mapping[int, SchemaRef | FrameError]:
    """Return index -> schema of the records whose headers name one; nearly always empty."""
    if headers.count(()) == len(headers):  # far cheaper than checking each of them
        return {}
    found: dict[int, SchemaRef | FrameError] = {}
    for index, own in enumerate(headers):
        if own:
            try:
                schema = schema_in_headers(own, part)
            except FrameError as error:
                found[index] = error
            else:
                if schema is not None:
                    found[index] = schema
    return found


def schema_in_headers(headers: Headers, part: RecordPart = RecordPart.VALUE) -> SchemaRef | None:
    """Return the schema that a header names, or `None` if no header does.

    If a header name occurs more than once, the last header counts.

    Raises:
        FrameError: A header names the schema in an unsupported way.
    """
    guid_header, apicurio = _GUID_HEADER.format(part=part), _APICURIO.format(part=part)
    own = {
        name: value
        for name, value in headers
        if name == guid_header or name.startswith(apicurio) or name == "content-type"
    }
    if not own:
        return None
    ids = [
        name
        for name in (guid_header, *(apicurio + kind for kind in (_CONTENT_ID, _GLOBAL_ID)))
        if name in own
    ]
    if guid_header in ids and len(ids) > 1:
        raise FrameError(f"the headers {' and '.join(ids)} each name a schema: send one of them")
    encoding = own.get(apicurio + _ENCODING)
    if encoding not in (None, b"BINARY"):
        text = (encoding or b"").decode("utf-8", "backslashreplace")
        raise FrameError(
            f"the header {apicurio}{_ENCODING} says {text}: "
            "set apicurio.registry.avro.encoding=BINARY at the producer"
        )
    if ids:
        name = ids[0]
        return (_confluent if name == guid_header else _apicurio)(name, own[name] or b"")
    for coordinate in _COORDINATES:
        if (name := apicurio + coordinate) in own:
            raise FrameError(
                f"the header {name} names the schema without an id: {_CONFLUENT_SETTINGS}"
            )
    content_type = own.get("content-type") or b""
    if part is RecordPart.VALUE and content_type.startswith(b"avro/binary+"):
        raise FrameError(
            "the header content-type names the schema as the serializer of Azure does: " + _FRAME
        )
    return None


def frame_fault(value: bytes | None) -> str:
    """Return why a value without a schema in its headers is not in Confluent's frame."""
    if value is None:
        return "the value is null"
    for start, fault in _OTHER_FRAMES:
        if value.startswith(start):
            return f"{fault}: {_FRAME}"
    if len(value) < PREFIX:
        return f"the value has {len(value)} bytes, fewer than the {PREFIX} of a frame"
    return f"the value starts with byte {value[0]:#04x}, not with the magic byte 0x00"


def unknown_schema(schema: SchemaRef) -> str:
    """Return a message that the schema is unknown, and what the frame may be instead."""
    if schema == 0:
        return (
            "the registry has no schema 0; an id of eight bytes, as Apicurio's serde writes it "
            "without headers, does not say whether it is a global or a content id: "
            f"{_CONFLUENT_SETTINGS}"
        )
    return f"the registry has no schema {schema}"


def _confluent(name: str, value: bytes) -> SchemaRef:
    if len(value) == PREFIX and value[0] == 0:
        return int.from_bytes(value[1:], "big")
    if len(value) == _GUID_LENGTH and value[0] == 1:
        return ForeignId(ForeignKind.GUID, str(UUID(bytes=value[1:])), name)
    raise FrameError(
        f"the header {name} has {len(value)} bytes, "
        "which are neither 0x00 and an id of four bytes nor 0x01 and a GUID of 16"
    )


def _apicurio(name: str, value: bytes) -> SchemaRef:
    if len(value) != _LONG:
        raise FrameError(f"the header {name} has {len(value)} bytes, not the {_LONG} of an id")
    number = int.from_bytes(value, "big", signed=True)
    if name.endswith(_CONTENT_ID):
        return number
    return ForeignId(ForeignKind.GLOBAL, str(number), name)
