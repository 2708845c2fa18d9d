"""The rows of `users` as account changes leave them, each change judged where it stands.

Shares nothing with what makes the changes or writes them: a change is taken as its JSON form.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

Row = dict[str, Any]

_GIVEN = {
    "Renamed": ("handle", "display_name"),
    "Moved": ("country",),
    "PrivacySet": ("is_private",),
    "AudienceCounted": ("follower_count", "audience_tier"),
}


class Rows:
    """Accounts by user id (a string); `apply` fails where a change cannot be right."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self._changed: dict[str, str] = {}
        self._handles: dict[str, str] = {}

    def fold(self, changes: Iterable[Mapping[str, Any]]) -> "Rows":
        for change in changes:
            self.apply(change)
        return self

    def apply(self, change: Mapping[str, Any]) -> None:
        user_id, at, kind = change["user_id"], change["at"], change["type"]
        assert at > self._changed.get(user_id, ""), f"{change} is not after the one before"
        self._changed[user_id] = at
        before = self.rows.get(user_id)
        if kind == "SignedUp":
            assert before is None, change
            row = {name: value for name, value in change.items() if name not in ("type", "at")}
            self.rows[user_id] = row | {"created_at": at, "updated_at": at}
        else:
            assert before is not None, change
            given = {name: change[name] for name in _GIVEN.get(kind, ())}
            assert kind == "AccountDeleted" or given.items() - before.items(), "nothing changes"
            self.rows[user_id] = before | given | {"updated_at": at}
        self._keep_handle(user_id, before)
        if kind == "AccountDeleted":
            gone = self.rows.pop(user_id)
            del self._handles[gone["handle"].lower()]
        else:
            _judge(self.rows[user_id])

    def _keep_handle(self, user_id: str, before: Row | None) -> None:
        if before is not None:
            del self._handles[before["handle"].lower()]
        handle = self.rows[user_id]["handle"].lower()
        assert handle not in self._handles, f"{handle} is taken"
        self._handles[handle] = user_id


def _judge(row: Row) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_]{3,30}", row["handle"])
    assert 0 < len(row["display_name"]) <= 100
    assert re.fullmatch(r"[A-Z]{2}", row["country"])
    assert re.fullmatch(r"secret-mail-\d+@example\.com", row["email"])
    assert re.fullmatch(r"\$synthetic\$[0-9a-f]{16}", row["password_hash"])
    assert row["account_type"] in {"personal", "creator", "business"}
    assert row["audience_tier"] in {"regular", "popular", "celebrity"}
    assert row["follower_count"] >= 0
