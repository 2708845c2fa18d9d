"""Lake of a generated week whose star is up to bronze, built once per run of tests."""

from pathlib import Path
from typing import Any, Final

from tests.oracle.validity import Event
from tests.support.bronze import Bronze, week

SEED: Final = 99
EVENTS: Final = week(users=50, events=800, seed=SEED)
ACCOUNTS: Final = range(1, 7)
"""Users whose accounts bronze holds."""


def account(user_id: int) -> dict[str, Any]:
    """Return the row of bronze_users_cdc that creates an account."""
    plain = {"handle": f"u{user_id}", "display_name": "U", "is_private": False, "verified": False}
    kind = {"account_type": "personal", "audience_tier": "regular", "follower_count": 1}
    after = {"user_id": user_id, "country": "DE", **plain, **kind, "created_at": 1, "updated_at": 1}
    change = {"op": "c", "user_id": user_id, "after": after, "lsn": user_id, "tx_id": user_id}
    return change | {"tx_order": 1, "committed_at": 1_600_000_000_000_000, "snapshot": "false"}


def fill(lake: Path) -> None:
    """Write bronze: events in two appends that overlap, and the accounts."""
    bronze = Bronze(lake)
    bronze.append(EVENTS[:500])
    bronze.append(EVENTS[400:])
    bronze.change(account(user) for user in ACCOUNTS)


def later_events() -> list[Event]:
    """Return a post, a like and a follow that the small lake does not have."""
    found: dict[str, Event] = {}
    for event in EVENTS:
        found.setdefault(event["type"], event)
    post, like, follow = (found[kind] for kind in ("PostCreated", "ContentLiked", "UserFollowed"))
    later = max(event["event_id"] for event in EVENTS)
    return [
        post | {"event_id": later + 1, "post_id": later + 1},
        like | {"event_id": later + 2, "content_id": later + 1},
        follow | {"event_id": later + 3},
    ]
