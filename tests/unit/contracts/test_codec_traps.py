"""Bytes that are made to hurt a decoder: each is refused, alone, and at no cost."""

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import pytest

from streams.contracts.batch import ErrorCode
from streams.contracts.catalog import schemas
from streams.contracts.codec import RegistryUnavailableError, decode, encode
from streams.contracts.decoder import decode_and_validate
from streams.contracts.events import ContentKind, ContentLiked, PostCreated
from streams.contracts.records import Records
from streams.contracts.rows import events
from streams.record import Record

POST = PostCreated(
    event_id=1, occurred_at=2, author_id=3, post_id=4, text="text", hashtags=("a",), reply_to=5
)
LIKE = ContentLiked(
    event_id=1,
    occurred_at=2,
    user_id=3,
    content_kind=ContentKind.STORY,
    content_id=4,
    owner_id=5,
)
TEXTS = {
    1: json.dumps(schemas()["PostCreated"]),
    2: json.dumps(schemas()["ContentLiked"]),
    3: '"string"',
    4: "not a schema",
    5: '{"type": "record", "name": "Other", "namespace": "else.v1", "fields": []}',
}
IDS = b"\x02\x04\x06\x08"  # event_id, occurred_at, author_id, post_id


def zigzag(number: int) -> bytes:
    """Avro's encoding of a long."""
    rest = (number << 1) ^ (number >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*out, rest])


def post(tail: bytes) -> Record:
    return record(b"\0\0\0\0\1" + IDS + tail)


def record(value: bytes | None, topic: str = "social.posts.v1", offset: int = 0) -> Record:
    return Record(topic, 0, offset, 0, b"3", value)


TRAPS = {
    "text of negative length": zigzag(-1) + b"text",
    "text of 2**62 bytes": zigzag(1 << 62) + b"text",
    "2**62 hashtags": zigzag(0) + zigzag(1 << 62),
    "a block of -2**62 hashtags": zigzag(0) + zigzag(-(1 << 62)) + zigzag(1),
    "a hashtag of negative length": zigzag(0) + zigzag(1) + zigzag(-5) + b"\0" * 9,
    "a union's third branch": zigzag(0) + b"\0\0" + zigzag(2) + b"\0" * 9,
    "a union's branch -1": zigzag(0) + b"\0\0" + zigzag(-1) + b"\x02" * 9,
    "a long of eleven bytes": zigzag(0) + b"\0\0" + b"\x02" + b"\xff" * 10 + b"\x01\0\0\0",
    "bad UTF-8 in the text": zigzag(2) + b"\xc3\x28" + b"\0" * 6,
    "half a surrogate pair in a hashtag": b"\0"
    + zigzag(1)
    + zigzag(3)
    + b"\xed\xa0\x80"
    + b"\0" * 6,
    "nothing": b"",
}


@pytest.mark.parametrize("tail", TRAPS.values(), ids=TRAPS.keys())
def test_a_trap_is_refused_and_its_neighbours_go_through(tail: bytes) -> None:
    good = record(encode(POST, 1), offset=9)
    tracemalloc.start()
    batch, [refused] = decode(
        Records.of([good, post(tail), good._replace(offset=11)]), good.topic, TEXTS.get
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.code is ErrorCode.DECODE_ERROR
    assert refused.message
    assert [(place.offset, event) for place, event in events(batch)] == [(9, POST), (11, POST)]
    assert peak < 10_000_000


@pytest.mark.parametrize("symbol", [4, -1, 1 << 40])
def test_a_symbol_that_the_writer_does_not_have_is_refused(symbol: int) -> None:
    value = encode(LIKE, 2)
    broken = value.replace(b"\x02\x04\x06\x02", b"\x02\x04\x06" + zigzag(symbol))
    assert broken != value
    _, [refused] = decode(
        Records.of([record(broken, "social.likes.v1")]), "social.likes.v1", TEXTS.get
    )
    assert refused.code is ErrorCode.DECODE_ERROR


def test_a_symbol_of_a_later_version_is_unknown() -> None:
    later = TEXTS[2].replace('"POST", ', '"REEL", ').replace('"COMMENT"', '"POST", "COMMENT"')
    batch, refused = decode(
        Records.of([record(encode(LIKE, 2).replace(b"\x06\x02", b"\x06\x00"), "social.likes.v1")]),
        "social.likes.v1",
        {2: later}.get,
    )
    assert not refused
    [(_, event)] = events(batch)
    assert isinstance(event, ContentLiked)
    assert event.content_kind is ContentKind.UNKNOWN


def test_trailing_bytes_are_ignored() -> None:
    batch, refused = decode(
        Records.of([record(encode(POST, 1) + b"more")]), "social.posts.v1", TEXTS.get
    )
    assert not refused
    assert [event for _, event in events(batch)] == [POST]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, ErrorCode.BAD_FRAME),
        (b"", ErrorCode.BAD_FRAME),
        (b"\0\0\0\0", ErrorCode.BAD_FRAME),
        (b"\x01\0\0\0\1", ErrorCode.BAD_FRAME),
        (b"{}", ErrorCode.BAD_FRAME),
        (b"\0\0\0\0\1", ErrorCode.DECODE_ERROR),
        (b"\0\0\0\0\x09", ErrorCode.UNKNOWN_SCHEMA),
        (b"\0\xff\xff\xff\xff\0", ErrorCode.UNKNOWN_SCHEMA),
        (b"\0\0\0\0\4", ErrorCode.UNKNOWN_SCHEMA),
        (b"\0\0\0\0\2", ErrorCode.UNKNOWN_TYPE),
        (b"\0\0\0\0\3", ErrorCode.UNKNOWN_TYPE),
        (b"\0\0\0\0\5", ErrorCode.UNKNOWN_TYPE),
    ],
)
def test_each_code_has_its_bytes(value: bytes | None, code: ErrorCode) -> None:
    batch, [refused] = decode_and_validate(
        Records.of([record(value)]), "social.posts.v1", TEXTS.get
    )
    assert (refused.code, refused.stage) == (code, "VALUE_CONVERTER")
    assert len(batch) == 0


def test_rows_of_several_writers_keep_the_order_of_the_records() -> None:
    wider = json.loads(TEXTS[1])
    wider["fields"].append({"name": "mood", "type": "string", "default": ""})
    texts: Callable[[int], str | None] = (TEXTS | {6: json.dumps(wider)}).get
    posts = [replace(POST, text=f"number {at}") for at in range(8)]
    old = [encode(one, 1) for one in posts]
    new = [encode(one, 6) + zigzag(2) + b"ok" for one in posts]
    values = [new[0], old[1], b"?", new[3], old[4], old[5], new[6][:-1], new[7]]
    records = [record(value, offset=at) for at, value in enumerate(values)]
    batch, refused = decode(Records.of(records), "social.posts.v1", texts)
    found = [(place.offset, event) for place, event in events(batch)]
    assert found == [(at, posts[at]) for at in (0, 1, 3, 4, 5, 7)]
    assert [reason.record.offset for reason in refused] == [2, 6]


def test_an_unreachable_registry_rejects_nothing() -> None:
    def unreachable(_id: int) -> str | None:
        raise RegistryUnavailableError("no answer")

    with pytest.raises(RegistryUnavailableError):
        decode_and_validate(
            Records.of([record(None), record(encode(POST, 1))]), "social.posts.v1", unreachable
        )


def test_an_empty_batch_is_empty() -> None:
    batch, refused = decode_and_validate(Records.of([]), "social.posts.v1", TEXTS.get)
    assert (len(batch), refused) == (0, [])
