"""Rules for valid events. They need the record alone, so that a replay gives the same verdict.

Each rule exists twice: `check` judges one event and words the fault, and
`column_validation.possibly_invalid` finds the rows in columns that `check` has to judge. A
property test verifies that both reach the same verdict.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from streams.contracts.batch import ErrorCode
from streams.contracts.catalog import key_of, topic_of
from streams.contracts.events import (
    CommentCreated,
    ContentKind,
    ContentViewed,
    Event,
    PostCreated,
    PostEdited,
    StoryCreated,
    Surface,
)
from streams.contracts.fields import CREATES, id_fields, time_fields
from streams.contracts.ids import id_time
from streams.contracts.times import DAY_MS, FIRST_MS, LAST_MS, MINUTE_MS

MAX_TEXT: Final = 10_000
MAX_HASHTAGS: Final = 30
MAX_HASHTAG: Final = 100
MAX_MEDIA: Final = 10
MAX_AHEAD_MS: Final = 5 * MINUTE_MS
STORY_MS: Final = DAY_MS

# Fields that must not name the same user. Events that end a relation may: they change nothing.
PAIRS: Final[Mapping[str, tuple[str, str]]] = {
    "UserFollowed": ("follower_id", "followee_id"),
    "UserBlocked": ("user_id", "target_id"),
    "UserMuted": ("user_id", "target_id"),
}
_NOT_ON_A_POST: Final = (Surface.STORY_TRAY, Surface.HIGHLIGHT)


class EventFault(NamedTuple):
    """Reason why an event cannot be applied."""

    code: ErrorCode
    message: str


class EventError(ValueError):
    """An event that breaks a rule."""

    def __init__(self, fault: EventFault) -> None:
        super().__init__(f"{fault.code}: {fault.message}")
        self.fault = fault


def check(event: Event, append_time: int) -> EventFault | None:
    """Return the first rule that an event breaks, or `None`.

    Args:
        event: The event.
        append_time: The record's append time, milliseconds since the Unix epoch.
    """
    message = _invalid(event)
    if message is not None:
        return EventFault(ErrorCode.INVALID_EVENT, message)
    if event.occurred_at > append_time + MAX_AHEAD_MS:
        ahead = event.occurred_at - append_time
        return EventFault(
            ErrorCode.FUTURE_EVENT,
            f"occurred_at is {ahead} ms after the append time, {MAX_AHEAD_MS} are allowed",
        )
    if isinstance(event, ContentViewed) and _is_late_view(event):
        return EventFault(
            ErrorCode.EXPIRED_VIEW,
            f"story {event.content_id} was over 24 h old when it was viewed in the tray",
        )
    return None


def check_record(event: Event, append_time: int, key: bytes | None) -> EventFault | None:
    """Return the first rule that an event or the key of its record breaks, or `None`.

    The key must be the id that the topic names. An invalid event is reported before a wrong key,
    and a wrong key before a future event or an expired view.

    Args:
        event: The event.
        append_time: The record's append time, milliseconds since the Unix epoch.
        key: The record's key.
    """
    fault = check(event, append_time)
    if fault is not None and fault.code is ErrorCode.INVALID_EVENT:
        return fault
    name = type(event).__name__
    field = topic_of(name).key
    if key != key_of(name, {field: getattr(event, field)}):
        shown = "null" if key is None else repr(key[:40].decode("utf-8", "backslashreplace"))
        return EventFault(
            ErrorCode.INVALID_EVENT,
            f"the key is {shown}, not the {field} {getattr(event, field)}",
        )
    return fault


def _invalid(event: Event) -> str | None:
    name = type(event).__name__
    for field in id_fields(name):
        value = getattr(event, field)
        if value is not None and value <= 0:
            return f"{field} is {value}: an id is positive"
    for field in time_fields(name):
        value = getattr(event, field)
        if value is not None and not FIRST_MS <= value <= LAST_MS:
            return f"{field} is outside the years 1 to 9999"
    created = CREATES.get(name)
    if created is not None and event.occurred_at != id_time(getattr(event, created)):
        return f"occurred_at is not the time inside {created}"
    pair = PAIRS.get(name)
    if pair is not None and getattr(event, pair[0]) == getattr(event, pair[1]):
        return f"{pair[0]} and {pair[1]} are the same user"
    rule = _RULES.get(name)
    return rule(event) if rule else None


def _story(event: StoryCreated) -> str | None:
    lifetime = event.expires_at - event.occurred_at
    if lifetime <= 0:
        return "expires_at is not after the story's creation"
    return (
        "expires_at is more than 24 h after the story's creation" if lifetime > STORY_MS else None
    )


def _view(event: ContentViewed) -> str | None:
    if event.content_kind is ContentKind.POST and event.surface in _NOT_ON_A_POST:
        return f"a POST is not seen on surface {event.surface}"
    return None


def _comment(event: CommentCreated) -> str | None:
    if event.content_kind is ContentKind.COMMENT:
        return "content_kind is COMMENT: an answer to a comment names it in reply_to"
    return _text(event.text)


def _post(event: PostCreated | PostEdited) -> str | None:
    if len(event.hashtags) > MAX_HASHTAGS:
        return f"{len(event.hashtags)} hashtags, {MAX_HASHTAGS} are allowed"
    longest = max(map(len, event.hashtags), default=0)
    if longest > MAX_HASHTAG:
        return f"a hashtag of {longest} characters, {MAX_HASHTAG} are allowed"
    if len(event.media) > MAX_MEDIA:
        return f"{len(event.media)} media, {MAX_MEDIA} are allowed"
    return _text(event.text)


def _text(text: str) -> str | None:
    return (
        f"text of {len(text)} characters, {MAX_TEXT} are allowed" if len(text) > MAX_TEXT else None
    )


def _is_late_view(event: ContentViewed) -> bool:
    return (
        event.content_kind is ContentKind.STORY
        and event.surface is Surface.STORY_TRAY
        and event.occurred_at >= id_time(event.content_id) + STORY_MS
    )


_RULES: Final[Mapping[str, Callable[[Any], str | None]]] = {
    "PostCreated": _post,
    "PostEdited": _post,
    "StoryCreated": _story,
    "ContentViewed": _view,
    "CommentCreated": _comment,
}
