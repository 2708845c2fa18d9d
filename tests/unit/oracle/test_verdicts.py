"""The judge's verdicts on single events, worked out by hand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle.validity import Event, record_key, refusals
from tests.strategies import World, invalid_events

T = 1_706_702_400_000
DAY = 86_400_000
ID = (T - 1_262_304_000_000) * 4_194_304
POST: Event = {
    "type": "PostCreated",
    "event_id": 1,
    "occurred_at": T,
    "author_id": 2,
    "post_id": ID,
    "text": "t",
    "hashtags": [],
    "media": [],
    "reply_to": None,
}
STORY: Event = {
    "type": "StoryCreated",
    "event_id": 1,
    "occurred_at": T,
    "author_id": 2,
    "story_id": ID,
    "expires_at": T + DAY,
}
VIEW: Event = {
    "type": "ContentViewed",
    "event_id": 1,
    "occurred_at": T,
    "user_id": 3,
    "content_kind": "STORY",
    "content_id": ID,
    "owner_id": 2,
    "surface": "STORY_TRAY",
}
COMMENT: Event = {
    "type": "CommentCreated",
    "event_id": 1,
    "occurred_at": T,
    "user_id": 3,
    "comment_id": ID,
    "content_kind": "POST",
    "content_id": 9,
    "owner_id": 2,
    "text": "t",
}
FOLLOW: Event = {
    "type": "UserFollowed",
    "event_id": 1,
    "occurred_at": T,
    "follower_id": 2,
    "followee_id": 3,
}
BLOCK: Event = {
    "type": "UserBlocked",
    "event_id": 1,
    "occurred_at": T,
    "user_id": 2,
    "target_id": 3,
}
INVALID, EXPIRED, GOOD = {"invalid_event"}, {"expired_view"}, set[str]()


@pytest.mark.parametrize(("event", "change", "codes"), [
    (POST, {}, GOOD),
    (POST, {"author_id": 0}, INVALID),
    (POST, {"reply_to": -1}, INVALID),
    (POST, {"author_id": 2**63 - 1}, GOOD),
    (POST, {"author_id": 2**63}, INVALID),
    (POST, {"occurred_at": T + 1}, INVALID),
    (POST, {"post_id": ID + 4_194_303}, GOOD),  # the last id of its millisecond
    (POST, {"post_id": ID + 4_194_304}, INVALID),
    (POST, {"text": "🜁" * 10_000}, GOOD),
    (POST, {"text": "🜁" * 10_001}, INVALID),
    (POST, {"hashtags": ["t" * 100] * 30}, GOOD),
    (POST, {"hashtags": ["t"] * 31}, INVALID),
    (POST, {"hashtags": ["t" * 101]}, INVALID),
    (POST, {"media": ["m"] * 10}, GOOD),
    (POST, {"media": ["m"] * 11}, INVALID),
    (STORY, {}, GOOD),
    (STORY, {"expires_at": T + 1}, GOOD),
    (STORY, {"expires_at": T}, INVALID),
    (STORY, {"expires_at": T + DAY + 1}, INVALID),
    (COMMENT, {}, GOOD),
    (COMMENT, {"content_kind": "STORY"}, GOOD),
    (COMMENT, {"content_kind": "COMMENT"}, INVALID),
    (COMMENT, {"occurred_at": T - 1}, INVALID),
    (FOLLOW, {}, GOOD),
    (FOLLOW, {"followee_id": 2}, INVALID),
    (FOLLOW, {"followee_id": 2, "type": "UserUnfollowed"}, GOOD),
    (BLOCK, {}, GOOD),
    (BLOCK, {"target_id": 2}, INVALID),
    (BLOCK, {"target_id": 2, "type": "UserMuted"}, INVALID),
    (VIEW, {}, GOOD),
    (VIEW, {"occurred_at": T + DAY - 1}, GOOD),
    (VIEW, {"occurred_at": T + DAY}, EXPIRED),
    (VIEW, {"occurred_at": T + DAY, "surface": "HIGHLIGHT"}, GOOD),
    (VIEW, {"occurred_at": T + DAY, "content_kind": "UNKNOWN"}, GOOD),
    (VIEW, {"content_kind": "POST"}, INVALID),
    (VIEW, {"content_kind": "POST", "surface": "HIGHLIGHT"}, INVALID),
    (VIEW, {"content_kind": "COMMENT"}, GOOD),
])  # fmt: skip
def test_which_events_are_refused(event: Event, change: dict[str, Any], codes: set[str]) -> None:
    assert refusals(event | change) == codes


def test_the_future_begins_five_minutes_after_the_append() -> None:
    assert refusals(POST, append_time=T - 300_000) == GOOD
    assert refusals(POST, append_time=T - 300_001) == {"future_event"}


@pytest.mark.parametrize(("event", "key"), [
    (POST, b"2"),
    (STORY, b"2"),
    (FOLLOW, b"3"),
    (BLOCK, b"2"),
    (VIEW, str(ID).encode()),
    (COMMENT, b"9"),
])  # fmt: skip
def test_the_key_is_the_body_s_id(event: Event, key: bytes) -> None:
    assert record_key(event) == key
    assert refusals(event, key=key) == GOOD
    assert refusals(event, key=b"0" + key) == INVALID
    assert refusals(event, key=b"") == INVALID


@given(data=st.data())
def test_every_generated_fault_is_refused_for_what_it_is(data: st.DataObject) -> None:
    event, code = data.draw(invalid_events(World()))
    assert refusals(event) == {code}
