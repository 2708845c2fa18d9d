"""The JSON form of events: what is minted, and what is refused with which words."""

from typing import Any

import pytest

from streams.contracts.events import PostCreated, StoryCreated, UserFollowed
from streams.contracts.ids import SnowflakeGenerator, id_time, make_id
from streams.contracts.json_codec import JsonFormError, from_json, to_json
from streams.contracts.times import format_time, parse_time

AT = 1_714_564_800_000
NOW = AT + 1_000_000
MINT = SnowflakeGenerator(1, clock=lambda: NOW)
FOLLOW = {"type": "UserFollowed", "follower_id": "1", "followee_id": "2"}
POST = {"type": "PostCreated", "author_id": "1", "text": "x"}


def test_a_post_without_ids_happens_now() -> None:
    post = from_json(POST, MINT)
    assert isinstance(post, PostCreated)
    assert post.occurred_at == id_time(post.post_id) == NOW
    assert post.event_id not in (post.post_id, 0)


def test_a_post_told_late_gets_an_id_of_its_time() -> None:
    post = from_json(POST | {"occurred_at": "2024-05-01T14:00:00.250+02:00"}, MINT)
    assert isinstance(post, PostCreated)
    assert post.occurred_at == id_time(post.post_id) == AT + 250
    assert id_time(post.event_id) == NOW


def test_an_id_gives_the_time() -> None:
    post = from_json(POST | {"post_id": make_id(AT, 3, 4)}, MINT)
    assert post.occurred_at == AT


def test_a_story_lives_a_day_unless_told() -> None:
    story = {"type": "StoryCreated", "author_id": 1, "media_url": "m", "caption": ""}
    minted = from_json(story | {"occurred_at": AT}, MINT)
    assert isinstance(minted, StoryCreated)
    assert minted.expires_at == AT + 86_400_000
    short = from_json(story | {"occurred_at": AT, "expires_at": AT + 1}, MINT)
    assert isinstance(short, StoryCreated)
    assert short.expires_at == AT + 1


def test_events_told_in_one_breath_keep_their_order() -> None:
    first, second = (from_json(FOLLOW | {"occurred_at": AT}, MINT) for _ in range(2))
    assert first.event_id < second.event_id


def test_ids_become_strings_and_absent_optionals_vanish() -> None:
    post = from_json(POST | {"event_id": 5, "post_id": make_id(AT), "reply_to": None}, MINT)
    assert to_json(post) == {
        "type": "PostCreated",
        "event_id": "5",
        "occurred_at": "2024-05-01T12:00:00.000Z",
        "author_id": "1",
        "post_id": str(make_id(AT)),
        "text": "x",
        "hashtags": [],
        "media": [],
    }


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "expected an object, got null"),
        ([], "expected an object, got an array"),
        ({}, '"type" is missing'),
        ({"type": 1}, "type: 1 is no record type"),
        ({"type": "Nope"}, "type: 'Nope' is no record type; there are PostCreated,"),
        (FOLLOW | {"x": 1}, "x: UserFollowed has no such field; it has event_id, "),
        (FOLLOW | {"follower_id": True}, "follower_id: an id (digits in a string, or a whole"),
        (FOLLOW | {"follower_id": " 1"}, "got ' 1'"),
        (FOLLOW | {"follower_id": "1_0"}, "got '1_0'"),
        (FOLLOW | {"follower_id": "٣"}, "got '٣'"),
        (FOLLOW | {"follower_id": 1.0}, "got 1.0"),
        (FOLLOW | {"follower_id": "9" * 30}, "got '999"),
        (FOLLOW | {"follower_id": 1 << 63}, "it does not fit 64 bits"),
        (FOLLOW | {"occurred_at": "soon"}, "occurred_at: a time (RFC 3339 with offset, or"),
        (FOLLOW | {"occurred_at": "2024-05-01T12:00:00"}, "the offset from UTC is missing"),
        (FOLLOW | {"occurred_at": 1.5}, "occurred_at: a time"),
        (POST | {"text": 5}, "text: a string is expected, got 5"),
        (POST | {"text": "\ud800"}, "half of a surrogate pair"),
        (POST | {"hashtags": ["a", None]}, "item 1 is null"),
        (POST | {"media": "m"}, "media: an array of strings is expected, got 'm'"),
        (POST | {"occurred_at": 0}, "occurred_at: 0 ms is outside"),
        ({"type": "PostCreated", "author_id": 1}, "text is missing: a string is expected"),
    ],
)
def test_what_is_wrong_is_said(value: Any, words: str) -> None:
    with pytest.raises(JsonFormError) as refused:
        from_json(value, MINT)
    assert words in str(refused.value)


def test_nothing_is_minted_unless_asked() -> None:
    with pytest.raises(JsonFormError, match="event_id is missing"):
        from_json(FOLLOW)
    event = from_json(FOLLOW | {"event_id": "1", "occurred_at": AT})
    assert event == UserFollowed(event_id=1, occurred_at=AT, follower_id=1, followee_id=2)


@pytest.mark.parametrize("at", [0, -1, AT + 7, -62_135_596_800_000])
def test_times_come_back(at: int) -> None:
    shown = format_time(at)
    assert isinstance(shown, str)
    assert parse_time(shown) == at


def test_a_time_beyond_the_calendar_stays_a_number() -> None:
    assert format_time(1 << 62) == 1 << 62
