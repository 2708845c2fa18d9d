"""Which events the pipeline must refuse, and why: the oracle's half of the validity rules.

Standard library only, like the oracle. The rules are those of the contract's "The log"; where it
says nothing, a comment that begins with CHOICE says what was taken.
"""

from typing import Any

Event = dict[str, Any]

EPOCH_MS = 1_262_304_000_000  # 2010-01-01T00:00:00Z
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
MAX_ID = 2**63 - 1
YEARS_MS = (-62_135_596_800_000, 253_402_300_799_999)  # 0001-01-01 to 9999-12-31

CREATES = {"PostCreated": "post_id", "StoryCreated": "story_id", "CommentCreated": "comment_id"}
KEYS = {
    "author_id": ("Post", "Story", "Highlight", "Author"),
    "followee_id": ("UserFollowed", "UserUnfollowed"),
    "user_id": ("UserBlocked", "UserUnblocked", "UserMuted", "UserUnmuted"),
    "content_id": ("Content", "Comment"),
}


def id_time(snowflake: int) -> int:
    """When the thing of this id was created: the upper 41 of 63 bits, counted from 2010."""
    return (snowflake >> 22) + EPOCH_MS


def record_key(event: Event) -> bytes:
    """The Kafka key an event belongs under: the id in decimal text."""
    [field] = [f for f, types in KEYS.items() if event["type"].startswith(types)]
    return str(event[field]).encode()


def refusals(
    event: Event, append_time: int | None = None, key: bytes | None = None
) -> frozenset[str]:
    """Every DLQ code that fits a decoded event; empty where the event is to be applied.

    CHOICE: where several fit, which of them is reported is free. Without `append_time` nothing is
    in the future; without `key` the key is right.
    """
    codes = set()
    if _is_invalid(event) or (key is not None and key != record_key(event)):
        codes.add("invalid_event")
    if append_time is not None and event["occurred_at"] > append_time + 5 * MINUTE_MS:
        codes.add("future_event")
    # A day after the story began, whatever expires_at says: the verdict needs only the record.
    if (
        event["type"] == "ContentViewed"
        and (event["content_kind"], event["surface"]) == ("STORY", "STORY_TRAY")
        and event["occurred_at"] >= id_time(event["content_id"]) + DAY_MS
    ):
        codes.add("expired_view")
    return frozenset(codes)


def _is_invalid(event: Event) -> bool:
    kind = event["type"]
    ids = [
        value
        for name, value in event.items()
        if name.endswith("_id") or name.startswith(("reply_to", "repost_of"))
    ]
    return (
        # An id that is not positive (or does not fit 63 bits).
        any(value is not None and not 0 < value <= MAX_ID for value in ids)
        # A time that no calendar year from 1 to 9999 holds. CHOICE: of every field, not only of
        # occurred_at.
        or any(
            not YEARS_MS[0] <= event[name] <= YEARS_MS[1]
            for name in ("occurred_at", "expires_at")
            if name in event
        )
        # A creating event that did not occur when its id says.
        or (kind in CREATES and event["occurred_at"] != id_time(event[CREATES[kind]]))
        # Follow, block or mute of oneself. CHOICE: taking such a thing back is no offence, for
        # it changes nothing.
        or (kind == "UserFollowed" and event["follower_id"] == event["followee_id"])
        or (kind in {"UserBlocked", "UserMuted"} and event["user_id"] == event["target_id"])
        # A story that ends before it begins, or lives longer than a day.
        or (
            kind == "StoryCreated"
            and not 0 < event["expires_at"] - id_time(event["story_id"]) <= DAY_MS
        )
        # Answers to a comment use reply_to.
        or (kind == "CommentCreated" and event["content_kind"] == "COMMENT")
        # A surface that cannot be. CHOICE: only of posts, as the contract lists it.
        or (
            kind == "ContentViewed"
            and event["content_kind"] == "POST"
            and event["surface"] in {"STORY_TRAY", "HIGHLIGHT"}
        )
        # Sizes. CHOICE: only fields called text are text; a tag is measured as it was written.
        or len(event.get("text", "")) > 10_000
        or len(event.get("hashtags", ())) > 30
        or any(len(tag) > 100 for tag in event.get("hashtags", ()))
        or len(event.get("media", ())) > 10
    )
