"""Records of several writers in one batch: each row keeps its own position and schema id."""

import json
from collections.abc import Sequence

from streams.contracts.batch import APPEND_TIME, OFFSET, PARTITION, SCHEMA_ID, Rejected
from streams.contracts.catalog import schemas
from streams.contracts.codec import decode, encode
from streams.contracts.events import Event, UserFollowed, UserUnfollowed
from streams.contracts.records import Records
from streams.record import Record
from tests.support.batches import raw_batches

TOPIC = "social.follows.v1"
FOLLOWED = json.dumps(schemas()["UserFollowed"])
TEXTS = {1: FOLLOWED, 2: FOLLOWED, 3: json.dumps(schemas()["UserUnfollowed"]), 4: FOLLOWED}


def event(number: int, schema_id: int) -> Event:
    kind = UserUnfollowed if schema_id == 3 else UserFollowed
    return kind(event_id=100 + number, occurred_at=number, follower_id=1, followee_id=10 + number)


def values_of(schema_ids: Sequence[int]) -> list[bytes]:
    return [encode(event(number, which), which) for number, which in enumerate(schema_ids)]


def read(values: Sequence[bytes | None]) -> tuple[dict[str, list[dict[str, int]]], list[Rejected]]:
    records = [
        Record(TOPIC, 5, 1_000 + number, 9_000 + number, None, value)
        for number, value in enumerate(values)
    ]
    batch, rejected = decode(Records.joined(raw_batches(records)), TOPIC, TEXTS.get)
    return {name: columns.to_pylist() for name, columns in batch.columns.items()}, rejected


def rows(values: Sequence[bytes | None], record_type: str = "UserFollowed") -> list[dict[str, int]]:
    return read(values)[0][record_type]


def test_schema_ids_that_alternate_stay_with_their_rows() -> None:
    ids = [2, 1, 2, 1, 4, 1, 2, 2, 4, 1]
    found = rows(values_of(ids))
    assert [row[SCHEMA_ID] for row in found] == ids
    assert [row["event_id"] for row in found] == [100 + n for n in range(len(ids))]
    assert [row[OFFSET] for row in found] == [1_000 + n for n in range(len(ids))]
    assert [row[APPEND_TIME] for row in found] == [9_000 + n for n in range(len(ids))]
    assert {row[PARTITION] for row in found} == {5}


def test_two_types_in_turn() -> None:
    found, rejected = read(values_of([1, 3, 2, 3]))
    assert rejected == []
    of_follows = [(row[SCHEMA_ID], row[OFFSET]) for row in found["UserFollowed"]]
    assert of_follows == [(1, 1_000), (2, 1_002)]
    of_ends = [(row[SCHEMA_ID], row[OFFSET]) for row in found["UserUnfollowed"]]
    assert of_ends == [(3, 1_001), (3, 1_003)]


def test_two_writers_and_bad_records_between_them() -> None:
    values: list[bytes | None] = list(values_of([1, 2, 1, 2, 2]))
    values[1], values[3] = b"\1bad", None
    found, rejected = read(values)
    assert [(row[SCHEMA_ID], row[OFFSET]) for row in found["UserFollowed"]] == [
        (1, 1_000),
        (1, 1_002),
        (2, 1_004),
    ]
    assert [one.record.offset for one in rejected] == [1_001, 1_003]


def test_one_writer_alone() -> None:
    found = rows(values_of([4, 4, 4]))
    assert [(row[SCHEMA_ID], row["followee_id"]) for row in found] == [(4, 10), (4, 11), (4, 12)]
