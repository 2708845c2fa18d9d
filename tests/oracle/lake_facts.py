"""The judge of the lake's facts: what must be counted, folded from the events in plain dicts.

Like the oracle it imports nothing of the product, and takes events as dicts in the contract's
JSON form, ids as ints and times as milliseconds; order and repetition do not matter.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime

from tests.oracle.validity import CREATES, Event, refusals

Facts = Counter[tuple[str, date]]
"""(event_type, day of the event time) -> how many."""

_PLAIN = {"ContentLiked": "like", "ContentUnliked": "unlike", "ContentViewed": "view"}
_FOLLOWS = {"UserFollowed": "follow", "UserUnfollowed": "unfollow"}
_COMMENTS = {"POST": "comment", "STORY": "story_reply"}


def engagement(events: Iterable[Event]) -> Facts:
    """One fact per like, unlike, view, comment, repost and story reply that stands."""
    distinct: dict[tuple[str, int], Event] = {}
    for event in events:
        kind = event["type"]
        if refusals(event) or not (kind in _PLAIN or kind in CREATES):
            continue
        # Of two creates of one id the smaller event_id counts; all else is its event_id.
        key = kind, event[CREATES.get(kind, "event_id")]
        distinct[key] = min(event, distinct.get(key, event), key=lambda e: e["event_id"])
    return Counter(
        (name, _day(event)) for event in distinct.values() if (name := _name(event)) is not None
    )


def follows(events: Iterable[Event]) -> Facts:
    """One fact per follow and unfollow."""
    distinct = {
        event["event_id"]: event
        for event in events
        if event["type"] in _FOLLOWS and not refusals(event)
    }
    return Counter((_FOLLOWS[event["type"]], _day(event)) for event in distinct.values())


def _name(event: Event) -> str | None:
    match event["type"]:
        case "CommentCreated":
            return _COMMENTS[event["content_kind"]]
        case "PostCreated":
            return "repost" if event.get("repost_of") is not None else None
        case "StoryCreated":
            return None
        case kind:
            return _PLAIN[kind]


def _day(event: Event) -> date:
    return datetime.fromtimestamp(event["occurred_at"] / 1000, UTC).date()
