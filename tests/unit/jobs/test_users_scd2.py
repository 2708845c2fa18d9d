"""What each kind of change does to a user's versions: one user per case, all in one log."""

from collections.abc import Mapping
from typing import Any, Final

import pytest
from pyspark.sql import SparkSession

from jobs.transforms.asof import with_user_sk
from jobs.transforms.user_changes import Links, changes
from jobs.transforms.user_versions import versions
from tests.oracle.dim_users import (
    OLD_UNAVAILABLE,
    UNAVAILABLE,
    Change,
    Refused,
    dim_users,
    surrogate_key,
)
from tests.support.user_tables import all_versions, log_frame, refused_frame, rows_of, users_frame

_ROW: Final = {
    "display_name": "Ann",
    "country": "DE",
    "is_private": False,
    "account_type": "personal",
    "verified": False,
    "audience_tier": "regular",
    "follower_count": 1,
    "created_at": 5,
    "updated_at": 5,
}
Seen = tuple[str, int, int | None, bool, bool]
"""handle, valid_from, valid_to, is_current, is_deleted"""


class Log:
    """Records in the order told; a record's lsn is its time unless it says otherwise."""

    def __init__(self) -> None:
        self.records: list[Change] = []

    def tell(self, op: str, user: int | None, at: int, handle: str = "", **more: Any) -> None:
        place: dict[str, Any] = {
            "lsn": at,
            "tx_order": None if op == "r" else 1,
            "snapshot": "false",
            "old_key": None,
            "whole": False,
            "came": at,
        }
        place |= {name: more.pop(name) for name in list(more) if name in place}
        row = {"user_id": user, "handle": handle, **_ROW, **more} if handle else None
        if op == "tombstone":
            place |= {"lsn": None, "tx_order": None}
        self.records.append(
            Change(
                op=op,
                user_id=user,
                after=row,
                committed_at=None if op == "tombstone" else at,
                partition=0,
                offset=len(self.records),
                **place,
            )
        )


def written() -> Log:
    """Every user's number is that of its case below."""
    log = Log()
    tell = log.tell
    tell("c", 1, 10, "a"), tell("u", 1, 20, "b"), tell("u", 1, 30, "c")
    tell("c", 2, 10, "a"), tell("u", 2, 20, "a"), tell("u", 2, 30, "a", follower_count=7)
    tell("c", 3, 10, "a"), tell("d", 3, 20), tell("tombstone", 3, 20)
    tell("c", 4, 10, "a"), tell("d", 4, 20), tell("c", 4, 30, "a")
    tell("c", 5, 10, "a"), tell("d", 5, 20), tell("c", 50, 20, "a", tx_order=2)
    tell("u", 6, 30, "c"), tell("c", 6, 10, "a"), tell("u", 6, 20, "b")
    tell("c", 7, 10, "a"), tell("u", 7, 20, "b"), tell("u", 7, 20, "b"), tell("c", 7, 10, "a")
    tell("c", 8, 10, "a", lsn=10), tell("u", 8, 10, "b", lsn=11, tx_order=2)
    (
        tell("c", 9, 10, "a"),
        tell("u", 9, 20, UNAVAILABLE),
        tell("u", 9, 30, UNAVAILABLE, country="FR"),
    )
    tell("c", 10, 10, "a", country=None), tell("u", 10, 20, "a", country=None)
    tell("u", 10, 30, "a"), tell("u", 10, 40, "a", country=None)
    tell("d", 11, 10), tell("d", 12, 10), tell("u", 12, 20, "b")
    tell("c", 13, 10, "a"), tell("u", 13, 20, "b"), tell("u", 13, 30, "a")
    # What does not leave the order of positions: several records of one.
    tell("u", 14, 20, "c", lsn=20, tx_order=2), tell("d", 14, 20, lsn=20, tx_order=1)
    tell("c", 14, 10, "a")
    tell("c", 15, 10, "a"), tell("u", 15, 20, "b"), tell("c", 15, 20, "c", tx_order=2)
    return log


EXPECTED: Final[Mapping[int, list[Seen]]] = {
    1: [("a", 10, 20, False, False), ("b", 20, 30, False, False), ("c", 30, None, True, False)],
    2: [("a", 10, None, True, False)],
    3: [("a", 10, 20, False, True)],
    4: [("a", 10, 20, False, True), ("a", 30, None, True, False)],
    5: [("a", 10, 20, False, True)],
    50: [("a", 20, None, True, False)],
    6: [("a", 10, 20, False, False), ("b", 20, 30, False, False), ("c", 30, None, True, False)],
    7: [("a", 10, 20, False, False), ("b", 20, None, True, False)],
    8: [("a", 10, 10, False, False), ("b", 10, None, True, False)],
    9: [("a", 10, 30, False, False), ("a", 30, None, True, False)],
    10: [("a", 10, 30, False, False), ("a", 30, 40, False, False), ("a", 40, None, True, False)],
    11: [],
    12: [("b", 20, None, True, False)],
    13: [("a", 10, 20, False, False), ("b", 20, 30, False, False), ("a", 30, None, True, False)],
    14: [("a", 10, 20, False, True), ("c", 20, None, True, False)],
    15: [("a", 10, 20, False, False), ("b", 20, 20, False, False), ("c", 20, None, True, False)],
}
CASES: Final = {
    1: "each tracked change opens a version",
    2: "a no-op and an untracked change open none",
    3: "a deletion closes, the tombstone is nothing",
    4: "a return opens anew though nothing differs",
    5: "a new key ends the old user",
    50: "a new key begins the new user",
    6: "what came late finds its place",
    7: "copies change nothing",
    8: "two changes of one transaction are two versions, one of no duration",
    9: "a placeholder stands for the value before",
    10: "null equals null and differs from all else",
    11: "nobody is known by a deletion alone",
    12: "a deletion before the first row is none",
    13: "an old value is a new version",
    14: "within a position the transaction's order counts",
    15: "a position may open two versions",
}


@pytest.fixture(scope="module")
def table(spark: SparkSession) -> dict[int, list[dict[str, Any]]]:
    made = rows_of(versions(changes(log_frame(spark, written().records))))
    return by_user(made)


def by_user(rows: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    table: dict[int, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=_turn):
        table.setdefault(row["user_id"], []).append(row)
    return table


def _turn(row: dict[str, Any]) -> tuple[Any, ...]:
    """Versions of one user as they followed each other; the open one is last."""
    return row["user_id"], row["source_lsn"], row["is_current"], row["valid_to"] or 0


def seen(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    names = ("handle", "valid_from", "valid_to", "is_current", "is_deleted")
    return [tuple(row[name] for name in names) for row in rows]


@pytest.mark.parametrize("user", CASES, ids=CASES.get)
def test_case(table: dict[int, list[dict[str, Any]]], user: int) -> None:
    assert seen(table.get(user, [])) == EXPECTED[user]


def test_untracked_values_are_the_newest(table: dict[int, list[dict[str, Any]]]) -> None:
    assert [row["follower_count"] for row in table[2]] == [7]


def test_the_first_key_is_known_before_the_user(table: dict[int, list[dict[str, Any]]]) -> None:
    assert [row["user_sk"] for row in table[1]] == [
        surrogate_key(1, 0),
        surrogate_key(1, 20),
        surrogate_key(1, 30),
    ]


def test_versions_of_one_position_have_keys_of_their_own(
    table: dict[int, list[dict[str, Any]]],
) -> None:
    keys = [row["user_sk"] for row in table[15]]
    assert keys == [surrogate_key(15, 0), surrogate_key(15, 20), surrogate_key(15, 20, 1)]


def test_a_version_tells_where_it_comes_from(table: dict[int, list[dict[str, Any]]]) -> None:
    """Of copies the first counts."""
    assert [(row["source_lsn"], row["source_offset"]) for row in table[7]] == [
        (10, written_at(7, 10)),
        (20, written_at(7, 20)),
    ]


def written_at(user: int, lsn: int) -> int:
    return min(c.offset for c in written().records if c.user_id == user and c.lsn == lsn)


def moved() -> Log:
    """An account moves from id 1 to 2 to 3, its handle unsent; another one takes the id 1."""
    log = Log()
    tell = log.tell
    tell("c", 1, 10, "a")
    tell("d", 1, 20), tell("c", 2, 20, UNAVAILABLE, tx_order=2, old_key=1)
    tell("c", 1, 25, "other")
    tell("u", 2, 30, UNAVAILABLE, country="FR")
    tell("d", 2, 40), tell("c", 3, 40, OLD_UNAVAILABLE, tx_order=2, old_key=2)
    tell("c", 4, 10, "mine"), tell("d", 4, 20)
    tell("c", 4, 50, UNAVAILABLE, old_key=77)  # of an id that no record told of
    return log


def test_an_unsent_text_follows_the_account_to_its_new_id(spark: SparkSession) -> None:
    log = moved().records
    table = by_user(rows_of(versions(changes(log_frame(spark, log)))))
    assert seen(table[2]) == [("a", 20, 30, False, False), ("a", 30, 40, False, True)]
    assert seen(table[3]) == [("a", 40, None, True, False)]
    assert seen(table[4])[-1] == (None, 50, None, True, False)
    assert all_versions(table) == all_versions(dim_users(log))
    alone = rows_of(versions(changes(log_frame(spark, log), users_frame(spark, [3]))))
    assert seen(alone) == seen(table[3])
    linked = Links(((2, 1), (3, 2), (4, 77)))
    assert linked.are_chained
    assert not Links(((2, 1), (4, 3))).are_chained
    assert (linked.dependents([1]), linked.sources([3])) == ({2, 3}, {1, 2})
    assert Links(((2, 1), (1, 2))).dependents([1]) == {1, 2}, "a circle ends"


def test_a_user_may_be_named_like_debeziums_placeholder(spark: SparkSession) -> None:
    """In records that have the whole row; elsewhere the text stands for one that was not sent."""
    log = Log()
    tell, name = log.tell, OLD_UNAVAILABLE
    tell("c", 1, 10, "a"), tell("u", 1, 20, name, whole=True), tell("u", 1, 30, name, country="FR")
    tell("c", 2, 10, name), tell("u", 2, 20, "b")
    tell("r", 3, 10, name)
    tell("c", 4, 10, "a"), tell("u", 4, 20, name, country="FR")
    tell("u", 5, 20, UNAVAILABLE, whole=True)
    table = by_user(rows_of(versions(changes(log_frame(spark, log.records)))))
    assert [row["handle"] for row in table[1]] == ["a", name, name]
    assert [row["handle"] for row in table[2]] == [name, "b"]
    assert [row["handle"] for row in table[3]] == [name]
    assert [row["handle"] for row in table[4]] == ["a", "a"]
    assert [row["handle"] for row in table[5]] == [None]


HOUR: Final = 3_600_000_000


@pytest.mark.parametrize(
    ("refused", "ended"),
    [
        ([], [2, 3]),
        ([Refused(came=1, user_id=2, op="r", lsn=50)], [3]),
        ([Refused(came=1, user_id=2)], [3]),
        ([Refused(came=1, user_id=2, op="u", lsn=50)], [2, 3]),
        ([Refused(came=HOUR, user_id=2)], [2, 3]),
        ([Refused(came=1, user_id=2, op="r", lsn=49)], [2, 3]),
        ([Refused(came=1, op="r", lsn=50)], []),
        ([Refused(came=1)], []),
        ([Refused(came=HOUR)], [2, 3]),
        ([Refused(came=1, op="d", lsn=50)], [2, 3]),
        (
            [Refused(came=1, user_id=9, op="r", lsn=60, snapshot="last", committed_at=60)],
            [1, 2, 3],
        ),
    ],
)
def test_who_was_not_read_was_not_absent(
    spark: SparkSession, refused: list[Refused], ended: list[int]
) -> None:
    """A refused row of a snapshot counts as its user's presence, and as the snapshot's end."""
    log = Log()
    for user in (1, 2, 3):
        log.tell("c", user, 10, "a")
    log.tell("r", 1, 50, "a", snapshot="last")
    lost = refused_frame(spark, refused) if refused else None
    table = by_user(rows_of(versions(changes(log_frame(spark, log.records), None, lost))))
    assert [user for user, rows in table.items() if rows[-1]["is_deleted"]] == ended


def snapshots() -> Log:
    """Users 1 to 5 before it; in the snapshot at 50: 1, 2 (changed), 6; TRUNCATE at 70."""
    log = Log()
    tell = log.tell
    for user in range(1, 6):
        tell("c", user, 10, "a")
    tell("u", 3, 60, "b")  # came back unseen before
    tell("d", 4, 20)
    tell("r", 6, 50, "a", snapshot="last")
    tell("r", 1, 50, "a", snapshot="first"), tell("r", 2, 50, "b", snapshot="true")
    tell("r", 1, 40, "z", snapshot="first")  # a snapshot that was broken off
    tell("t", None, 70)
    tell("c", 2, 80, "c")
    return log


def test_snapshots_and_truncate(spark: SparkSession) -> None:
    table = by_user(rows_of(versions(changes(log_frame(spark, snapshots().records)))))
    assert {user: seen(rows) for user, rows in table.items()} == {
        1: [
            ("a", 10, 40, False, False),
            ("z", 40, 50, False, False),
            ("a", 50, 70, False, True),
        ],
        2: [
            ("a", 10, 50, False, False),
            ("b", 50, 70, False, True),
            ("c", 80, None, True, False),
        ],
        3: [("a", 10, 50, False, True), ("b", 60, 70, False, True)],
        4: [("a", 10, 20, False, True)],
        5: [("a", 10, 50, False, True)],
        6: [("a", 50, 70, False, True)],
    }


def test_of_versions_that_begin_at_once_the_first_answers_for_the_time_before(
    spark: SparkSession,
) -> None:
    """Created and twice changed by one transaction, twice at one position; their keys are hashes,
    and so stand in any order."""
    log, users = Log(), range(1, 31)
    for user in users:
        log.tell("c", user, 7, "a", lsn=70 * user)
        log.tell("u", user, 7, "b", lsn=70 * user, tx_order=2)
        log.tell("u", user, 7, "c", lsn=70 * user + 1, tx_order=3)
    known = versions(changes(log_frame(spark, log.records)))
    asks = [(user, at) for user in users for at in (0, 7)]
    asked = spark.createDataFrame(asks, "u BIGINT, us INT")
    asked = asked.selectExpr("u", "us", "timestamp_micros(us) AS at")
    answered = with_user_sk(asked, known, "u", "at", "actor", {"handle": "handle"})
    told = {(row["u"], row["us"]): row["handle"] for row in answered.collect()}
    assert told == {(user, at): "a" if at == 0 else "c" for user, at in asks}
