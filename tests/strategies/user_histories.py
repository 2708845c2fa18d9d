"""Random lives of accounts as a change log tells of them, with everything that may go wrong.

`Accounts` is a table `users` with its log; what happens to one user does not touch another, save
for snapshots and TRUNCATE, so one log holds hundreds of cases.
"""

import random
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tests.oracle.dim_users import OLD_UNAVAILABLE, TEXTS, UNAVAILABLE, Change, Refused, Row

_START: Final = 1_767_225_600_000_000  # 2026-01-01
_SECOND: Final = 1_000_000
_PARTITIONS: Final = 3
_COUNTRIES: Final = ("DE", "FR", None)
_TYPES: Final = ("personal", "creator", "business")
_TIERS: Final = ("regular", "popular", "celebrity")

_CHANGEABLE: Final = (
    *("handle", "display_name", "country", "account_type", "is_private", "verified"),
    *("audience_tier", "follower_count", "follower_count", "nothing"),
)


@dataclass
class Accounts:
    """The table and its log. With `seen` False, changes happen without being captured."""

    random: random.Random
    log: list[Change] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    refusing: float = 0.0
    """The share of a snapshot's rows, and of other changes, that cannot be read."""
    rows: dict[int, Row] = field(default_factory=dict)
    lsn: int = 1_000
    at: int = _START
    seen: bool = True
    _offsets: list[int] = field(default_factory=lambda: [0] * _PARTITIONS)

    def act(self, user: int) -> None:
        """One transaction of one to three changes of a user."""
        self._tick()
        for order in range(1, self.random.choice((1, 1, 1, 2, 3)) + 1):
            if self.random.random() > 0.05:  # else two records share a log position
                self.lsn += self.random.randint(1, 40)
            self._change(user, order)

    def snapshot(self, end: str | None) -> None:
        """The connector reads the whole table at one log position; without `end`, half of it."""
        self._tick()
        self.lsn += 10
        users = sorted(self.rows)
        if end is None:
            users = users[: len(users) // 2]
        for place, user in enumerate(users):
            mark = "first" if place == 0 else "true"
            if end is not None and place == len(users) - 1:
                mark = end
            self._tell("r", user, self.rows[user], None, mark)

    def truncate(self) -> None:
        self._tick()
        self.lsn += 10
        self.rows.clear()
        self._tell("t", None, None, 1)

    def duplicated(self, share: float) -> list[Change]:
        """The log with some records told again, later or in another partition."""
        copies = []
        for change in self.log:
            if self.random.random() < share:
                partition = self.random.randrange(_PARTITIONS)
                copies.append(replace(change, partition=partition, offset=self._offset(partition)))
        return self.log + copies

    def _tick(self) -> None:
        """Most transactions take time, some none; a clock may be set back."""
        self.lsn += 5
        self.at += self.random.choice((0, 1, _SECOND, 3_600 * _SECOND, 3_600 * _SECOND))
        if self.random.random() < 0.02:
            self.at -= 30 * _SECOND

    def _change(self, user: int, order: int) -> None:
        draw = self.random.random()
        old = self.rows.get(user)
        if old is None:
            if draw < 0.7 or order > 1:
                self.rows[user] = self._new(user)
                self._tell("c", user, self.rows[user], order)
        elif draw < 0.12:
            del self.rows[user]
            self._tell("d", user, None, order)
            self._tell("tombstone", user, None, None)
        elif draw < 0.18:
            self._change_key(user, old, order)
        else:
            self._update(user, old, order)

    def _change_key(self, user: int, old: Row, order: int) -> None:
        """The row goes on under another id: an end for one user, a beginning for another."""
        other = user + 10_000
        if other in self.rows:
            return
        del self.rows[user]
        self.rows[other] = {**old, "user_id": other}
        self._tell("d", user, None, order)
        self._tell("tombstone", user, None, None)
        told = self._unsent(old, old) if self.random.random() < 0.5 else old
        self._tell("c", other, {**told, "user_id": other}, order + 1, old_key=user)

    def _update(self, user: int, old: Row, order: int) -> None:
        name = self.random.choice(_CHANGEABLE)
        new = old if name == "nothing" else {**old, name: self._value(name, user)}
        self.rows[user] = new
        whole = self.random.random() < 0.5 or OLD_UNAVAILABLE in new.values()
        told = new if whole else self._unsent(old, new)
        self._tell("u", user, self._degraded(told), order, whole=whole)

    def _unsent(self, old: Row, new: Row) -> Row:
        """The row without some texts that did not change."""
        told = dict(new)
        for text in TEXTS:
            if new[text] == old[text] and self.random.random() < 0.1:
                told[text] = self.random.choice((UNAVAILABLE, OLD_UNAVAILABLE))
        return told

    def _degraded(self, row: Row) -> Row:
        """Now and then without a value that no table can hold."""
        if self.random.random() < 0.05:
            return {**row, self.random.choice(("created_at", "country", "follower_count")): None}
        return row

    def _new(self, user: int) -> Row:
        names = (*TEXTS, "is_private", "verified", "follower_count")
        made = {name: self._value(name, user) for name in names}
        return made | {"user_id": user, "created_at": self.at, "updated_at": self.at}

    def _value(self, name: str, user: int) -> Any:
        draw = self.random
        match name:
            case "handle" if draw.random() < 0.03:
                return OLD_UNAVAILABLE
            case "handle" | "display_name":
                return f"{name[0]}{user}_{draw.randrange(3)}"
            case "country":
                return draw.choice(_COUNTRIES)
            case "account_type":
                return draw.choice(_TYPES)
            case "audience_tier":
                return draw.choice(_TIERS)
            case "follower_count":
                return draw.randrange(1_000)
            case _:
                return draw.random() < 0.5

    def _tell(
        self,
        op: str,
        user: int | None,
        row: Row | None,
        order: int | None,
        mark: str = "false",
        *,
        old_key: int | None = None,
        whole: bool = False,
    ) -> None:
        if not self.seen:
            return
        partition = hash((user, op == "tombstone")) % _PARTITIONS if user else 0
        told = op != "tombstone"
        came = self.at + self.random.randrange(_SECOND)
        if op in ("r", "c", "u") and self.random.random() < self.refusing:
            self.refused.append(self._refused(op, user, mark, came))
            return
        self.log.append(
            Change(
                op=op,
                user_id=user,
                after=row,
                lsn=self.lsn if told else None,
                tx_order=order if told else None,
                committed_at=self.at if told else None,
                snapshot=mark,
                partition=partition,
                offset=self._offset(partition),
                old_key=old_key,
                whole=whole,
                came=came,
            )
        )

    def _refused(self, op: str, user: int | None, mark: str, came: int) -> Refused:
        """A record that says all but its row, or nothing of it; with or without its key."""
        named = user if self.random.random() < 0.8 else None
        if self.random.random() < 0.3:
            return Refused(came=came, user_id=named)
        return Refused(
            came=came,
            user_id=named,
            op=op,
            lsn=self.lsn,
            snapshot=mark,
            committed_at=self.at,
        )

    def _offset(self, partition: int) -> int:
        self._offsets[partition] += self.random.choice((1, 1, 2))  # markers take offsets too
        return self._offsets[partition]


def lives(seed: int, users: int, acts: int) -> Accounts:
    """In-order lives without events that tell of all users; some begin before the capture."""
    accounts = Accounts(random.Random(seed))
    _live(accounts, users, acts // 4, seen=False)
    _live(accounts, users, acts, seen=True)
    return accounts


def eventful(seed: int, users: int, acts: int) -> Accounts:
    """Lives with snapshots, outages of the capture, and TRUNCATE."""
    accounts = Accounts(random.Random(seed))
    _live(accounts, users, acts, seen=False)
    accounts.snapshot(None)  # broken off, and begun again
    accounts.snapshot("last")
    _live(accounts, users, acts, seen=True)
    _live(accounts, users, acts, seen=False)
    accounts.snapshot("last_in_data_collection")
    _live(accounts, users, acts // 2, seen=True)
    accounts.truncate()
    _live(accounts, users, acts, seen=True)
    accounts.snapshot(None)
    _live(accounts, users, acts // 2, seen=True)
    return accounts


def mangled(seed: int, users: int, acts: int) -> Accounts:
    """Eventful lives of which some records could not be read, rows of snapshots among them."""
    accounts = Accounts(random.Random(seed))
    for share in (0.01, 0.0, 0.002):
        accounts.refusing = 0.01
        _live(accounts, users, acts // 2, seen=True)
        _live(accounts, users, acts // 2, seen=False)
        accounts.refusing = share
        accounts.at += 3_600 * _SECOND
        accounts.snapshot("last")
        accounts.at += 3_600 * _SECOND
    return accounts


def _live(accounts: Accounts, users: int, acts: int, seen: bool) -> None:
    accounts.seen = seen
    for _ in range(acts):
        accounts.act(accounts.random.randint(1, users))
    accounts.seen = True
