"""Lake of a generated week whose star is up to bronze, built once per run of tests."""

import shutil
from pathlib import Path
from typing import Any, Final

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


def copy_bronze(lake: Path, to: Path) -> None:
    """Copy the tables that the lake worker writes."""
    for table in (*lake.glob("bronze_*"), lake / "quarantine"):
        shutil.copytree(table, to / table.name)
