"""Posts, stories and verdicts by plain Python over event dicts: what the jobs are compared with."""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.oracle.validity import Event

Row = dict[str, Any]


def _stamp(event: Event) -> tuple[int, int]:
    return event["occurred_at"], event["event_id"]


def _creates(events: Iterable[Event], kind: str, key: str) -> dict[int, Event]:
    """Of two creates of one id the smaller event id counts."""
    found: dict[int, Event] = {}
    for event in sorted(events, key=lambda e: -e["event_id"]):
        if event["type"] == kind:
            found[event[key]] = event
    return found


def _own(events: Iterable[Event], create: Event, key: str, *kinds: str) -> list[Event]:
    """What the content's own author did to it."""
    mine = (create[key], create["author_id"])
    return [e for e in events if e["type"] in kinds and (e[key], e["author_id"]) == mine]


def posts(events: list[Event]) -> dict[int, Row]:
    rows = {}
    for post_id, create in _creates(events, "PostCreated", "post_id").items():
        edits = _own(events, create, "post_id", "PostEdited")
        deletions = _own(events, create, "post_id", "PostDeleted")
        shown = max(edits, key=_stamp, default=create)
        rows[post_id] = {
            "author_id": create["author_id"],
            "text": shown["text"],
            "hashtags": list(shown["hashtags"]),
            "media_count": len(shown["media"]),
            "reply_to": create.get("reply_to"),
            "repost_of": create.get("repost_of"),
            "edited_at": shown["occurred_at"] if edits else None,
            "deleted_at": min((e["occurred_at"] for e in deletions), default=None),
            "create_event_id": create["event_id"],
        }
    return rows


def stories(events: list[Event]) -> dict[int, Row]:
    rows = {}
    for story_id, create in _creates(events, "StoryCreated", "story_id").items():
        marks = _own(events, create, "story_id", "HighlightAdded", "HighlightRemoved")
        deletions = _own(events, create, "story_id", "StoryDeleted")
        last = max(marks, key=lambda e: (*_stamp(e), e["type"] == "HighlightRemoved"), default=None)
        added = last is not None and last["type"] == "HighlightAdded"
        rows[story_id] = {
            "author_id": create["author_id"],
            "caption": create["caption"],
            "expires_at": create["expires_at"],
            "deleted_at": min((e["occurred_at"] for e in deletions), default=None),
            "is_highlighted": added,
            "highlight_title": last["title"] if last is not None and added else None,
            "create_event_id": create["event_id"],
        }
    return rows


def verdicts(
    batch: Iterable[Row], rivals: Iterable[Row], standing: Mapping[tuple[str, int], int]
) -> list[str]:
    """What becomes of each candidate (made, key_id, event_id, event_type), sorted."""
    batch = list(batch)
    told: list[str] = []
    for key in {(row["made"], row["key_id"]) for row in batch}:
        rows = [row for row in batch if (row["made"], row["key_id"]) == key]
        claims: set[int] = {
            r["event_id"] for r in (*rows, *rivals) if (r["made"], r["key_id"]) == key
        }
        stands = standing.get(key)
        best: int = min(claims if stands is None else {*claims, stands})
        taken = stands == best
        for row in rows:
            if row["event_type"] is None:
                takes = row["event_id"] == best and stands is not None and not taken
                told.append("withdraw" if takes else "other")
            elif row["event_id"] != best:
                told.append("conflict")
            elif taken:
                told.append("duplicate")
            else:
                told.append("insert" if stands is None else "replace")
            taken = taken or row["event_id"] == best
    return sorted(told)
