"""dim_users against a model in plain Python, over hundreds of random lives in each log."""

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.dim_users import infer_users, process, process_refused
from jobs.lake import read
from jobs.transforms.asof import affected, with_user_sk
from jobs.transforms.user_changes import changes
from jobs.transforms.user_versions import difference, versions
from tests.oracle.dim_users import Change, Row, as_of, dim_users
from tests.strategies.user_histories import Accounts, eventful, lives, mangled
from tests.support.user_tables import (
    all_versions,
    cut,
    land,
    log_frame,
    new_lake,
    refuse,
    refused_frame,
    rows_of,
    users_frame,
    versions_frame,
)

_ATTRIBUTES: Final = {"actor_country": "country", "actor_tier": "audience_tier"}
_BEGINNING: Final = -62_135_596_800_000_000  # of year 1
Live = Callable[[int, int, int], Accounts]


@pytest.fixture
def draw() -> random.Random:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    return random.Random(seed)


def new_log(live: Live, draw: random.Random, users: int) -> list[Change]:
    """Shuffled, with copies."""
    accounts = live(draw.randrange(1 << 32), users, users * 4)
    log = accounts.duplicated(0.1)
    draw.shuffle(log)
    return log


def derived(spark: SparkSession, log: list[Change]) -> DataFrame:
    return versions(changes(log_frame(spark, log)))


@pytest.mark.parametrize("live", [lives, eventful])
def test_versions_are_those_of_the_model(
    spark: SparkSession, live: Live, draw: random.Random
) -> None:
    log = new_log(live, draw, 400)
    assert rows_of(derived(spark, log)) == all_versions(dim_users(log))


def test_refused_changes_count_for_what_a_snapshot_says(
    spark: SparkSession, draw: random.Random
) -> None:
    """And every other change is taken as if nothing had been refused."""
    accounts = mangled(draw.randrange(1 << 32), 300, 900)
    log, refused = accounts.duplicated(0.1), accounts.refused
    draw.shuffle(log)
    made = versions(changes(log_frame(spark, log), None, refused_frame(spark, refused)))
    table = dim_users(log, refused=refused)
    assert rows_of(made) == all_versions(table)
    assert table != dim_users(log), "the refused ones must matter"


def test_only_the_users_asked_for_are_derived(spark: SparkSession, draw: random.Random) -> None:
    log = new_log(eventful, draw, 100)
    users = draw.sample(range(1, 101), 30)
    table = dim_users(log)
    made = versions(changes(log_frame(spark, log), users_frame(spark, users)))
    assert rows_of(made) == all_versions({user: table.get(user, []) for user in users})


def test_the_difference_is_what_must_be_done_and_no_more(
    spark: SparkSession, draw: random.Random
) -> None:
    """Users whom only events told of stay."""
    log = new_log(eventful, draw, 150)
    met = [*range(1, 50), *range(5_000, 5_020)]
    before = dim_users(log[: len(log) * 9 // 10], met)
    told = difference(versions_frame(spark, before), versions_frame(spark, dim_users(log)))
    told = told.localCheckpoint()
    actions = {tuple(row) for row in told.select("action", "user_id", "user_sk").collect()}
    old, new = by_key(all_versions(before)), by_key(all_versions(dim_users(log, met)))
    assert actions == {
        ("delete" if key not in new else "update" if key in old else "insert", *key)
        for key in old.keys() | new.keys()
        if old.get(key) != new.get(key)
    }
    assert {action for action, *_ in actions} == {"delete", "update", "insert"}
    written = by_key(rows_of(told.where("action <> 'delete'").drop("action")))
    assert written == {
        (user, key): new[user, key] for action, user, key in actions if action != "delete"
    }


def test_any_cut_of_the_log_gives_the_same_table(
    spark: SparkSession, tmp_path: Path, draw: random.Random
) -> None:
    """In pieces, out of order, one of them twice, with users met in events in between.

    The later pieces hold no record that tells of all users, the earlier ones do.
    """
    log = new_log(eventful, draw, 100)
    of_all = [change for change in log if change.op == "t" or change.snapshot.startswith("last")]
    others = [change for change in log if change not in of_all]
    early, *late = cut(others, 3, draw)
    lake = new_lake(spark, tmp_path)
    met = draw.sample(range(1, 150), 60)
    for number, piece in enumerate([early + of_all, late[0], late[1], late[0]]):
        land(lake, piece)
        if number < 2:
            infer_users(spark, lake, users_frame(spark, met[: 30 * (number + 1)] * 2))
        process(log_frame(spark, piece), number, lake)
    assert infer_users(spark, lake, users_frame(spark, met)) == 0
    told = log + late[0]
    assert rows_of(read(spark, lake, "dim_users")) == all_versions(dim_users(told, met))


def test_refused_changes_that_come_last_correct_the_table(
    spark: SparkSession, tmp_path: Path, draw: random.Random
) -> None:
    accounts = mangled(draw.randrange(1 << 32), 60, 240)
    log, refused = accounts.log, accounts.refused
    lake = new_lake(spark, tmp_path)
    land(lake, log)
    process(log_frame(spark, log), 0, lake)
    assert rows_of(read(spark, lake, "dim_users")) == all_versions(dim_users(log))
    refuse(lake, refused)
    counts = process_refused(read(spark, lake, "quarantine"), 1, lake)
    assert (counts.rows, counts.other) == (len(refused), 0)
    table = all_versions(dim_users(log, refused=refused))
    assert rows_of(read(spark, lake, "dim_users")) == table
    others = read(spark, lake, "quarantine").where("topic <> 'accounts.public.users'")
    assert process_refused(others, 2, lake).changed == 0


def test_each_fact_gets_the_one_version_in_force(spark: SparkSession, draw: random.Random) -> None:
    table = dim_users(new_log(eventful, draw, 100), inferred=[5_000])
    asks = [*questions(table, draw), (None, 0), (77_777, 0)]  # of nobody, of someone unknown
    facts = [(number, *ask) for number, ask in enumerate(asks)]
    asked = spark.createDataFrame(facts, "id INT, actor_id BIGINT, us BIGINT").selectExpr(
        "id", "actor_id", "timestamp_micros(us) AS at"
    )
    known = versions_frame(spark, table)
    answered = with_user_sk(asked, known, "actor_id", "at", "actor", _ATTRIBUTES)
    assert answered.columns == ["id", "actor_id", "at", "actor_sk", *_ATTRIBUTES]
    assert sorted(map(tuple, answered.drop("at", "actor_id").collect())) == [
        (number, *answer(table, user, at)) for number, user, at in facts
    ]


def test_affected_tells_from_when_on_answers_differ(
    spark: SparkSession, draw: random.Random
) -> None:
    log = new_log(eventful, draw, 200)
    met = range(1, 50)
    before = dim_users(log[: len(log) * 9 // 10], met)
    after = dim_users(log, met)
    found = affected(
        versions_frame(spark, before), versions_frame(spark, after), list(_ATTRIBUTES.values())
    )
    told = found.selectExpr("user_id", "unix_micros(since)").collect()
    assert sorted(map(tuple, told)) == sorted(
        (user, since)
        for user in before
        if (since := first_difference(before, after, user)) is not None
    )
    assert 0 < len(told) < len(before)


def by_key(rows: Iterable[Row]) -> dict[tuple[int, int], Row]:
    return {(row["user_id"], row["user_sk"]): row for row in rows}


def questions(table: dict[int, list[Row]], draw: random.Random) -> list[tuple[int | None, int]]:
    """Users and instants: at, just before, just after each change, and long before."""
    return [
        (user, version["valid_from"] + draw.choice((-1, 0, 1, -(10**12), 10**9)))
        for user, known in table.items()
        for version in known
    ]


def answer(table: dict[int, list[Row]], user: int | None, at: int) -> tuple[Any, ...]:
    """Surrogate key and attributes, as the model has them."""
    if user not in table:
        return None, None, None
    version = as_of(table[user], at)
    return version["user_sk"], version["country"], version["audience_tier"]


def first_difference(
    before: dict[int, list[Row]], after: dict[int, list[Row]], user: int
) -> int | None:
    """The earliest instant whose answer differs: between two changes none can begin to."""
    changed = {version["valid_from"] for version in (*before[user], *after[user])}
    instants = [_BEGINNING, *sorted(changed)]
    differing = (at for at in instants if answer(before, user, at) != answer(after, user, at))
    return next(differing, None)
