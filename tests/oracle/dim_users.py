"""dim_users as plain Python makes it: one user after another, one change after another.

Written from the rules alone; shares no line with what it judges. Times are microseconds since the
Unix epoch (UTC).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

UNAVAILABLE = "\0unavailable"
"""A text that was not sent. No name holds a zero byte."""
OLD_UNAVAILABLE = "__debezium_unavailable_value"
"""The same in older records, unless the record shows that every text was sent."""
TEXTS = ("handle", "display_name", "country", "account_type", "audience_tier")
_SLACK = 600_000_000
TRACKED = (*TEXTS, "is_private", "verified")
UNTRACKED = ("follower_count", "created_at")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A record of the change log; `after` is the row as written, `user_id` None for op t."""

    op: str
    user_id: int | None
    after: Row | None = None
    lsn: int | None = None
    tx_order: int | None = None
    committed_at: int | None = None
    snapshot: str = "false"
    partition: int
    offset: int
    old_key: int | None = None
    """Of a c: the id that the row had before."""
    whole: bool = False
    """Of a u: whether the row before it came with it."""
    came: int | None = None
    """When the broker appended it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A record that could not land, and what it still says; None for what it does not."""

    came: int
    user_id: int | None = None
    op: str | None = None
    lsn: int | None = None
    snapshot: str | None = None
    committed_at: int | None = None


class Step(NamedTuple):
    """What one user went through; `row` is None where the row was gone afterwards."""

    lsn: int
    tx_order: int
    rank: int
    at: int
    row: Row | None
    change: Change | None


def dim_users(
    log: Iterable[Change], inferred: Iterable[int] = (), refused: Iterable[Refused] = ()
) -> dict[int, list[Row]]:
    """Each user's versions, in order; `inferred` are users that events told of."""
    steps = _steps(list(log), list(refused))
    table = {user: made for user in steps if (made := _versions(user, steps))}
    for user in inferred:
        table.setdefault(user, [_inferred(user)])
    return table


def as_of(versions: Sequence[Row], at: int) -> Row:
    """The version in force at an instant; before the first one, that one."""
    turn = sorted(range(len(versions)), key=lambda i: (versions[i]["valid_from"], i))
    begun = [i for i in turn if versions[i]["valid_from"] <= at]
    return versions[begun[-1] if begun else turn[0]]


def surrogate_key(*parts: int) -> int:
    """XXH64 of 64-bit numbers as Spark chains it: seed 42, each hash the next one's seed."""
    value = 42
    for part in parts:
        value = _xxh64(part & _MASK, value)
    return value - (1 << 64) if value >> 63 else value


def _steps(log: list[Change], refused: list[Refused]) -> dict[int, list[Step]]:
    """Each user's steps in order, once each, with those that name no user."""
    first: dict[tuple[int, int, str], Change] = {}
    truncates: dict[int, Change] = {}
    ends: dict[int, int] = {}
    present: dict[int, set[int]] = defaultdict(set)
    spans: dict[int, list[int]] = defaultdict(list)
    for change in log:
        if change.op == "tombstone":
            continue
        assert change.lsn is not None
        assert change.committed_at is not None
        if change.op == "t":
            truncates[change.lsn] = change
            continue
        assert change.user_id is not None
        key = change.user_id, change.lsn, change.op
        if key not in first or _place(change) < _place(first[key]):
            first[key] = change
        if change.op == "r":
            present[change.lsn].add(change.user_id)
            spans[change.lsn].append(change.came or 0)
            if change.snapshot.startswith("last"):
                ends[change.lsn] = change.committed_at
    for lost in refused:
        if lost.op == "r" and lost.lsn is not None:
            spans[lost.lsn].append(lost.came)
            if (lost.snapshot or "").startswith("last"):
                ends.setdefault(lost.lsn, lost.committed_at or 0)
    steps: dict[int, list[Step]] = defaultdict(list)
    for (user, lsn, op), change in first.items():
        rank = "rdcu".index(op) + 2
        row = None if op == "d" else change.after
        at = change.committed_at or 0
        steps[user].append(Step(lsn, _order(change), rank, at, row, change))
    for user, taken in steps.items():
        taken += [
            Step(lsn, _order(change), 1, change.committed_at or 0, None, None)
            for lsn, change in truncates.items()
        ]
        taken += [
            Step(lsn, -1, 0, at, None, None)
            for lsn, at in ends.items()
            if user not in present[lsn] and not _may_be_there(user, lsn, spans[lsn], refused)
        ]
        taken.sort(key=lambda step: step[:3])
    return steps


def _may_be_there(user: int, lsn: int, span: list[int], refused: list[Refused]) -> bool:
    """Whether a record that could not be read may be the user's row of the snapshot at `lsn`."""
    for lost in refused:
        if lost.user_id not in (None, user) or lost.op not in (None, "r"):
            continue
        if lost.lsn == lsn:
            return True
        if lost.lsn is None and min(span) - _SLACK <= lost.came <= max(span) + _SLACK:
            return True
    return False


def _place(change: Change) -> tuple[int, int, int]:
    return _order(change), change.partition, change.offset


def _order(change: Change) -> int:
    return -1 if change.tx_order is None else change.tx_order


def _text(user: int, at: int, name: str, steps: Mapping[int, Sequence[Step]]) -> Any:
    """A text of the row that the user's step number `at` wrote."""
    step = steps[user][at]
    assert step.row is not None
    assert step.change is not None
    value, change = step.row[name], step.change
    moved = change.op == "c" and change.old_key is not None
    literal = (change.op in "rc" and not moved) or (change.op == "u" and change.whole)
    if value != UNAVAILABLE and (value != OLD_UNAVAILABLE or literal):
        return value
    source = user
    if moved:
        assert change.old_key is not None
        source = change.old_key
    taken = steps.get(source, ())
    earlier = [
        i
        for i, one in enumerate(taken)
        if one.row is not None and one[:3] < step[:3] and (moved or i < at)
    ]
    return _text(source, earlier[-1], name, steps) if earlier else None


def _versions(user: int, steps: Mapping[int, Sequence[Step]]) -> list[Row]:
    versions: list[dict[str, Any]] = []
    alive = False
    starts: dict[int, int] = defaultdict(int)
    for at, step in enumerate(steps[user]):
        if step.row is None:
            if alive:
                versions[-1] |= {"valid_to": step.at, "is_current": False, "is_deleted": True}
            alive = False
            continue
        row = {name: step.row[name] for name in (*TRACKED, *UNTRACKED)}
        for name in TEXTS:
            row[name] = _text(user, at, name, steps)
        if alive and all(versions[-1][name] == row[name] for name in TRACKED):
            versions[-1] |= {name: row[name] for name in UNTRACKED}
            continue
        if alive:
            versions[-1] |= {"valid_to": step.at, "is_current": False}
        if not versions:
            key = surrogate_key(user, 0)
        else:
            turn = starts[step.lsn]
            starts[step.lsn] += 1
            key = surrogate_key(user, step.lsn, turn) if turn else surrogate_key(user, step.lsn)
        assert step.change is not None
        versions.append(
            row
            | {
                "user_sk": key,
                "user_id": user,
                "valid_from": step.at,
                "valid_to": None,
                "is_current": True,
                "is_deleted": False,
                "is_inferred": False,
                "source_lsn": step.lsn,
                "source_partition": step.change.partition,
                "source_offset": step.change.offset,
            }
        )
        alive = True
    return list(versions)


def _inferred(user: int) -> Row:
    unknown = (*TRACKED, *UNTRACKED, "valid_to", "source_lsn", "source_partition", "source_offset")
    return dict.fromkeys(unknown) | {
        "user_sk": surrogate_key(user, 0),
        "user_id": user,
        "valid_from": 0,
        "is_current": True,
        "is_deleted": False,
        "is_inferred": True,
    }


_MASK = (1 << 64) - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def _rotate(value: int, by: int) -> int:
    return ((value << by) | (value >> (64 - by))) & _MASK


def _xxh64(number: int, seed: int) -> int:
    """XXH64 of eight bytes (github.com/Cyan4973/xxHash, the specification)."""
    value = (seed + _P5 + 8) & _MASK
    value ^= (_rotate((number * _P2) & _MASK, 31) * _P1) & _MASK
    value = (_rotate(value, 27) * _P1 + _P4) & _MASK
    value = ((value ^ (value >> 33)) * _P2) & _MASK
    value = ((value ^ (value >> 29)) * _P3) & _MASK
    return value ^ (value >> 32)
