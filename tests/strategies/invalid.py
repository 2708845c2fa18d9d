"""Events that the pipeline must refuse, each with exactly one fault, and the code it earns."""

from typing import Any

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.oracle.validity import YEARS_MS, Event, id_time, refusals
from tests.strategies.networks import networks
from tests.strategies.world import DAY, World

Fault = tuple[Event, str]
"""A refused event and its DLQ code."""

_IDS = (0, -1, -(1 << 63))


@st.composite
def invalid_events(draw: DrawFn, world: World) -> Fault:
    """A valid event with one fault put in. `future_event` needs the time of the append: see
    `tests.oracle.validity.refusals`."""
    event = draw(networks(world).filter(bool).flatmap(st.sampled_from))
    faults = [*_id_faults(event), *_own_faults(event)]
    change, code = draw(st.sampled_from(faults))
    assume(refusals(event | change) == {code})
    return event | change, code


def _id_faults(event: Event) -> list[tuple[dict[str, Any], str]]:
    names = [
        name
        for name, value in event.items()
        if value is not None and (name.endswith("_id") or name.startswith(("repl", "repo")))
    ]
    return [({name: wrong}, "invalid_event") for name in names for wrong in _IDS]


def _own_faults(event: Event) -> list[tuple[dict[str, Any], str]]:
    at = event["occurred_at"]
    changes: list[dict[str, Any]] = []
    match event["type"]:
        case "PostCreated" | "PostEdited":
            changes = [
                {"text": "a" * 10_001},
                {"hashtags": ["t"] * 31},
                {"hashtags": ["t" * 101]},
                {"media": ["m"] * 11},
            ]
        case "StoryCreated":
            changes = [{"expires_at": at + wrong} for wrong in (0, -1, DAY + 1)]
        case "UserFollowed":
            changes = [{"followee_id": event["follower_id"]}]
        case "UserBlocked" | "UserMuted":
            changes = [{"target_id": event["user_id"]}]
        case "CommentCreated":
            changes = [{"content_kind": "COMMENT"}, {"text": "🜁" * 10_001}]
        case "ContentViewed":
            late = {
                "content_kind": "STORY",
                "surface": "STORY_TRAY",
                "occurred_at": id_time(event["content_id"]) + DAY,
            }
            return [
                (late, "expired_view"),
                ({"content_kind": "POST", "surface": "STORY_TRAY"}, "invalid_event"),
                ({"content_kind": "POST", "surface": "HIGHLIGHT"}, "invalid_event"),
            ]
    changes += [{"occurred_at": wrong} for wrong in (YEARS_MS[0] - 1, -(1 << 63))]
    if event["type"] in ("PostCreated", "StoryCreated", "CommentCreated"):
        changes += [{"occurred_at": at + 1}, {"occurred_at": at - 1}]
    return [(change, "invalid_event") for change in changes]
