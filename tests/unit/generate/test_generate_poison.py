"""Each bad record earns the verdict it promises, from the reader that workers use."""

import json
from collections import Counter

import pytest

from streams.contracts.batch import ErrorCode
from streams.contracts.catalog import schemas
from streams.contracts.decoder import decode_and_validate
from streams.contracts.events import PostCreated
from streams.contracts.ids import make_id
from streams.contracts.records import Records
from streams.generate.malformed_records import KINDS, MalformedRecord, MalformedRecords
from streams.record import Record

THEN = 1_735_689_600_000
NOW = THEN + 3_600_000
NAMES = sorted(schemas())
POST = PostCreated(
    event_id=make_id(THEN, 1001, 1),
    occurred_at=THEN,
    author_id=42,
    post_id=make_id(THEN, 1001, 0),
    text="The first snow",
)


def lookup(schema_id: int) -> str | None:
    return json.dumps(schemas()[NAMES[schema_id]]) if schema_id < len(NAMES) else None


def verdict(poison: MalformedRecord) -> ErrorCode | None:
    record = Record(poison.topic, 0, 0, NOW, poison.key, poison.value)
    batch, rejected = decode_and_validate(Records.of([record]), poison.topic, lookup)
    assert len(batch) + len(rejected) == 1
    return rejected[0].code if rejected else None


def poisons(count: int) -> list[MalformedRecord]:
    poisoner = MalformedRecords(NAMES.index, NOW, 1022)
    return [poisoner.make(POST) for _ in range(count)]


@pytest.mark.parametrize("poison", poisons(len(KINDS)), ids=lambda poison: str(poison.code))
def test_each_earns_its_verdict(poison: MalformedRecord) -> None:
    expected = None if poison.code is ErrorCode.ID_CONFLICT else poison.code  # the store finds it
    assert verdict(poison) is expected


def test_all_codes_are_among_them_and_the_first_eight_differ() -> None:
    codes = [poison.code for poison in poisons(len(KINDS))]
    not_of_bytes = {ErrorCode.STORE_REFUSED, ErrorCode.OPERATOR_REJECTED}
    assert set(codes) == set(ErrorCode) - not_of_bytes
    assert max(Counter(codes[:8]).values()) == 1


def test_the_second_create_is_of_the_same_post_with_a_later_event() -> None:
    second = next(p for p in poisons(8) if p.code is ErrorCode.ID_CONFLICT)
    batch, rejected = decode_and_validate(
        Records.of([Record(second.topic, 0, 0, NOW, second.key, second.value)]),
        second.topic,
        lookup,
    )
    assert not rejected
    row = batch.columns["PostCreated"].to_pylist()[0]
    assert row["post_id"] == POST.post_id
    assert row["event_id"] > POST.event_id
    assert row["author_id"] == POST.author_id
    assert row["text"] != POST.text
