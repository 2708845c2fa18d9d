"""A few people whose events a test writes down one by one, a second apart."""

from streams.contracts.ids import EPOCH_MS
from tests.oracle.validity import Event

START = 1_706_702_400_000
READER, AUTHOR, OTHER, STRANGER = 101, 102, 103, 104


def post_id(second: int) -> int:
    """The id of the post that is made so many seconds after the start."""
    return (START + second * 1000 - EPOCH_MS) << 22


def post(second: int, author: int = AUTHOR, **more: object) -> Event:
    return _at(second, "PostCreated", author_id=author, post_id=post_id(second)) | {
        "text": f"at {second}",
        "hashtags": [],
        "media": [],
        "reply_to": None,
        "reply_to_author": None,
        "repost_of": None,
        "repost_of_author": None,
        **more,
    }


def edited(second: int, of: int, author: int = AUTHOR) -> Event:
    event = _at(second, "PostEdited", author_id=author, post_id=post_id(of))
    return event | {"text": "edited", "hashtags": [], "media": []}


def deleted(second: int, of: int, author: int = AUTHOR) -> Event:
    return _at(second, "PostDeleted", author_id=author, post_id=post_id(of))


def follow(second: int, who: int = READER, whom: int = AUTHOR, kind: str = "Followed") -> Event:
    return _at(second, f"User{kind}", follower_id=who, followee_id=whom)


def pair(second: int, kind: str, who: int, whom: int) -> Event:
    """Blocked, Unblocked, Muted or Unmuted."""
    return _at(second, f"User{kind}", user_id=who, target_id=whom)


def tier_changed(second: int, author: int = AUTHOR, **how: object) -> Event:
    return _at(second, "AuthorTierChanged", author_id=author) | how


def _at(second: int, kind: str, **fields: int) -> Event:
    at = START + second * 1000
    return {"type": kind, "event_id": second + 1, "occurred_at": at, **fields}
