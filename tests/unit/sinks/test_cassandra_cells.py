"""Cells sort as changes do: by bytes alone, and by timestamp and bytes as Cassandra compares."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.ids import MAX_ID
from streams.sinks.cassandra.cells import (
    MAX_TIMESTAMP,
    MIN_TIMESTAMP,
    VIEWER_BUCKETS,
    author_bucket,
    decode_first_seen,
    decode_state,
    encode_first_seen,
    encode_state,
    first_event_id,
    first_seen_timestamp,
    first_timestamp,
    has_ended,
    state_timestamp,
    tag_part,
    viewer_bucket,
)
from streams.sinks.cassandra.payloads import decode_created, encode_created, payload_of
from streams.views.effects import CreatePost, EditPost, Stamp

TIMES = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(1_700_000_000_000, 1_700_000_000_003)
EVENT_IDS = st.integers(1, MAX_ID) | st.integers(1, 3)
STAMPS = st.builds(Stamp, TIMES, EVENT_IDS, st.booleans())
TEXTS = st.text(st.characters(codec="utf-8"))
TEXT_TUPLES = st.lists(TEXTS, max_size=3).map(tuple)
OPTIONAL_IDS = st.none() | EVENT_IDS
POSTS = st.builds(
    CreatePost,
    post_id=EVENT_IDS,
    author_id=EVENT_IDS,
    event_id=EVENT_IDS,
    text=TEXTS,
    hashtags=TEXT_TUPLES,
    tags=TEXT_TUPLES,
    media=TEXT_TUPLES,
    reply_to=OPTIONAL_IDS,
    reply_to_author=OPTIONAL_IDS,
    repost_of=OPTIONAL_IDS,
    repost_of_author=OPTIONAL_IDS,
)


@given(stamp=STAMPS, payload=st.binary())
def test_a_state_cell_gives_back_what_it_was_made_of(stamp: Stamp, payload: bytes) -> None:
    cell = encode_state(stamp, payload)
    assert decode_state(cell) == (stamp, payload)
    assert has_ended(cell) is stamp.ended


@given(one=STAMPS, other=STAMPS)
def test_state_cells_sort_as_their_stamps(one: Stamp, other: Stamp) -> None:
    assert (encode_state(one) < encode_state(other)) is (one < other)


@given(one=STAMPS, other=STAMPS)
def test_the_later_stamp_is_what_cassandra_keeps(one: Stamp, other: Stamp) -> None:
    kept = max((state_timestamp(stamp), encode_state(stamp)) for stamp in (one, other))
    assert decode_state(kept[1]).stamp == max(one, other)


@given(stamp=STAMPS)
def test_every_stamp_has_a_timestamp_that_cassandra_takes(stamp: Stamp) -> None:
    assert MIN_TIMESTAMP <= state_timestamp(stamp) <= MAX_TIMESTAMP


@given(one=EVENT_IDS, other=EVENT_IDS)
def test_the_smaller_event_id_is_what_cassandra_keeps(one: int, other: int) -> None:
    assert MIN_TIMESTAMP <= first_timestamp(one) <= MAX_TIMESTAMP
    assert first_event_id(max(first_timestamp(one), first_timestamp(other))) == min(one, other)


@given(one=TIMES, other=TIMES)
def test_the_earlier_view_is_what_cassandra_keeps(one: int, other: int) -> None:
    kept = max((first_seen_timestamp(seen), encode_first_seen(seen)) for seen in (one, other))
    assert MIN_TIMESTAMP <= kept[0] <= MAX_TIMESTAMP
    assert decode_first_seen(kept[1]) == min(one, other)


@given(post=POSTS)
def test_a_created_cell_gives_back_what_it_was_made_of(post: CreatePost) -> None:
    event_id, payload = decode_created(encode_created(post))
    set_fields = {name: value for name, value in post._asdict().items() if value not in (None, ())}
    keys = {"post_id", "author_id", "event_id"}
    assert event_id == post.event_id
    assert {k: tuple(v) if isinstance(v, list) else v for k, v in payload.items()} == {
        name: value for name, value in set_fields.items() if name not in keys
    }


def test_an_edit_carries_no_links() -> None:
    edit = EditPost(1, 2, Stamp(3, 4), "text", ("Tag",), ("tag",), ())
    assert payload_of(edit) == b'{"text":"text","hashtags":["Tag"],"tags":["tag"]}'


@pytest.mark.parametrize("bucket", [viewer_bucket, author_bucket, tag_part])
def test_what_is_in_a_bucket_never_changes(bucket: Callable[[int], int]) -> None:
    known = {1: 9, 2: 3, 3: 13, 1000: 0, MAX_ID: 14, 1_234_567_890_123_456_789: 2}
    assert {one: bucket(one) for one in known} == known


def test_viewers_spread_over_all_buckets() -> None:
    counts = [0] * VIEWER_BUCKETS
    for viewer in range(1, 16_001):
        counts[viewer_bucket(viewer)] += 1
    assert min(counts) > 900
    assert max(counts) < 1100
