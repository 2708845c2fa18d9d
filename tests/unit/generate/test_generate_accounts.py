"""The accounts of a generated network: who joins when, what they are like, what changes."""

import gzip
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import islice, pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from streams.accounts.changes import (
    AccountChange,
    AccountDeleted,
    AudienceCounted,
    AudienceTier,
    Moved,
    PrivacySet,
    Renamed,
    SignedUp,
)
from streams.accounts.json_codec import to_json
from streams.contracts.events import Event, UserFollowed
from streams.contracts.times import DAY_MS
from streams.generate.account_state import AccountState, Tiers
from streams.generate.accounts import AccountTimeline, accounts_of, accounts_of_recorded, users_of
from streams.generate.duplicates import with_duplicates
from streams.generate.events_with_accounts import EventsWithAccounts
from streams.generate.higgs import events_of
from streams.generate.interactions import FILE, Act, Interaction
from streams.generate.network import Network
from streams.generate.people import HASH_MARK, MAIL_MARK, handle
from streams.generate.world import Plan
from tests.support.account_rows import Rows
from tests.support.generated_week import FIXTURE, generated, summary

START = 1_735_689_600_000
USERS = 3000


def plan(**changes: int) -> Plan:
    values = {"users": USERS, "events": 60_000, "seed": 7, "start": START}
    return Plan(**{**values, **changes})


def drawn(accounts: AccountTimeline, events: Iterable[Event]) -> list[AccountChange]:
    """Every change, those of the start first."""
    changes: list[AccountChange] = list(accounts.founding())
    for event in events:
        changes += accounts.before(event)
    return changes


@cache
def week() -> tuple[Event, ...]:
    return tuple(Network(plan()))


@cache
def changes() -> tuple[AccountChange, ...]:
    return tuple(drawn(accounts_of(plan()), week()))


def of(kind: type[AccountChange]) -> list[Any]:
    return [change for change in changes() if type(change) is kind]


def storyline(*args: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "streams.cli.main", *args]
    return subprocess.run(command, capture_output=True, check=False)


@pytest.mark.parametrize("accounts", [(), ("--accounts",)])
def test_the_events_of_a_seed_stay_what_they_were(tmp_path: Path, accounts: tuple[str]) -> None:
    extra = [f"{option}={tmp_path / 'accounts.jsonl'}" for option in accounts]
    found = summary(generated(*extra).splitlines())
    expected = json.loads(FIXTURE.read_text(encoding="utf-8"))
    for record_type in expected | found:  # one by one: the difference is short
        assert found.get(record_type) == expected.get(record_type), record_type


def test_the_same_seed_gives_the_same_accounts_and_another_gives_others() -> None:
    assert drawn(accounts_of(plan()), week()) == list(changes())
    other = {one.user_id: one for one in accounts_of(plan(seed=8)).founding()}
    both = [(one, other[one.user_id]) for one in of(SignedUp) if one.user_id in other]
    for name, most in (("handle", 0.01), ("display_name", 0.05), ("country", 0.2)):
        same = sum(getattr(one, name) == getattr(another, name) for one, another in both)
        assert same < most * len(both), name


def test_repeated_events_and_a_longer_run_change_nothing_about_them() -> None:
    assert drawn(accounts_of(plan()), with_duplicates(week(), 0.2, 3)) == list(changes())
    start = drawn(accounts_of(plan()), islice(week(), 9000))
    assert start == list(changes())[: len(start)]


def test_every_change_is_right_where_it_stands() -> None:
    Rows().fold(map(to_json, changes()))
    times = [change.at for change in changes()]
    assert times == sorted(times)
    assert times[-1] <= week()[-1].occurred_at


def test_nearly_everybody_has_an_account_when_first_met_and_some_never_get_one() -> None:
    accounts = accounts_of(plan())
    founders = {change.user_id for change in accounts.founding()}
    assert all(change.at < START for change in changes()[: len(founders)])
    members, met, early = set(founders), set[int](), set[int]()
    for event in week():
        members |= {one.user_id for one in accounts.before(event) if isinstance(one, SignedUp)}
        new = set(users_of(event)) - met
        early |= new - members
        met |= new
    assert 0.85 * USERS < len(founders) < 0.91 * USERS
    assert abs(len(founders) - accounts.founders) < 0.02 * USERS
    assert 0.01 * USERS < len(early) < 0.03 * USERS
    assert 0.005 * USERS < len(early - members) < 0.015 * USERS
    late = early & members
    assert late
    assert {1, 2, 3} <= founders


def test_members_change_are_deleted_and_some_come_back() -> None:
    kinds = Counter(type(change) for change in changes())
    turnover = [kinds[one] for one in (Renamed, Moved, PrivacySet, AccountDeleted)]
    assert sum(turnover) == pytest.approx(0.06 * USERS, rel=0.3)
    assert min(turnover) > 10
    gone = {change.user_id: change.at for change in of(AccountDeleted)}
    back = [one for one in of(SignedUp) if one.at > gone.get(one.user_id, 1 << 63)]
    assert 0.2 * len(gone) < len(back) < 0.8 * len(gone)
    handles = {one.user_id: one.handle for one in of(SignedUp)}
    kept = sum(one.handle == handles[one.user_id] for one in of(Renamed))
    assert 0.3 * kinds[Renamed] < kept < 0.7 * kinds[Renamed]


def test_the_audience_is_counted_as_it_grows() -> None:
    followers = Counter(event.followee_id for event in week() if isinstance(event, UserFollowed))
    told = {one.user_id: one for one in of(AudienceCounted)}
    assert all(0 < one.follower_count <= followers[one.user_id] for one in told.values())
    assert told[1].audience_tier is AudienceTier.CELEBRITY
    assert 2 * told[1].follower_count > 0.8 * followers[1]
    tiers = Counter(one.audience_tier for one in told.values())
    assert set(tiers) == set(AudienceTier)
    assert tiers[AudienceTier.CELEBRITY] < 0.01 * USERS < tiers[AudienceTier.POPULAR]
    assert tiers[AudienceTier.POPULAR] < 0.1 * USERS


def test_attributes_are_those_of_a_real_service() -> None:
    people: Sequence[SignedUp] = of(SignedUp)
    countries = Counter(one.country for one in people).most_common()
    assert len(countries) > 20
    assert 0.12 < countries[0][1] / len(people) < 0.2
    assert 0.1 < sum(one.is_private for one in people) / len(people) < 0.25
    assert sum(one.account_type == "personal" for one in people) > 0.85 * len(people)
    famous = [one for one in people if one.user_id <= USERS // 200]
    assert sum(one.verified for one in famous) > 0.7 * len(famous)
    assert not any(one.is_private for one in famous)
    assert sum(one.verified for one in people) < 0.03 * len(people)
    assert len({one.display_name for one in people}) > 0.4 * len(people)
    assert all(one.email.startswith(MAIL_MARK) for one in people)
    assert all(one.password_hash.startswith(HASH_MARK) for one in people)


def test_handles_are_one_persons_whatever_the_case_and_however_often_they_change() -> None:
    names = [handle(1, user, number).lower() for user in range(1, 2000) for number in range(3)]
    owners = {name: place // 3 for place, name in enumerate(names)}
    assert all(owners[name] == place // 3 for place, name in enumerate(names))
    assert len(handle(1, (1 << 63) - 1, 0)) <= 30


def test_an_account_changes_once_an_instant() -> None:
    registrar = AccountState(1, 10, famous=0, tiers=Tiers(2, 3))
    registrar.open(4, START)
    assert not registrar.is_free(4, START)
    assert [registrar.follow(4, START) for _ in range(20)] == [None] * 20
    counted = registrar.follow(4, START + 1)
    assert counted is not None
    assert (counted.follower_count, counted.audience_tier) == (21, AudienceTier.CELEBRITY)
    assert registrar.follow(4, START + 2) is None


def test_a_move_is_always_to_another_country() -> None:
    registrar = AccountState(1, 10, famous=0, tiers=Tiers(2, 3))
    joined = registrar.open(4, START)
    homes = [joined.country, *(registrar.move(4, START + at, 3).country for at in range(1, 5))]
    assert all(one != other for one, other in pairwise(homes))


def test_what_falls_into_a_long_silence_is_told_in_order() -> None:
    found = drawn(accounts_of(plan()), [*week()[:9000], week()[-1]])
    Rows().fold(map(to_json, found))
    times = [change.at for change in found]
    assert times == sorted(times)
    silence = [one for one in found if week()[8999].occurred_at < one.at]
    assert {SignedUp, Renamed, AccountDeleted} <= {type(one) for one in silence}


def test_who_comes_back_changes_nothing_else_at_that_instant() -> None:
    accounts = accounts_of(plan(users=1, events=50))
    (founder,) = accounts.founding()
    event = next(iter(Network(plan(users=1, events=50))))
    at = event.occurred_at
    accounts._registrar.delete(founder.user_id, at - 1)
    accounts._joining, accounts._turn_at = [(at, founder.user_id)], at
    told = [one for one in accounts.before(event) if one.user_id == founder.user_id]
    assert [type(one) for one in told] == [SignedUp]


def test_who_comes_back_has_the_followers_of_now() -> None:
    registrar = AccountState(1, None, famous=0, tiers=Tiers(2, 3))
    first = registrar.open(1 << 62, START)
    registrar.delete(1 << 62, START + 1)
    for _ in range(5):
        assert registrar.follow(1 << 62, START + 2) is None
    registrar.unfollow(1 << 62)
    again = registrar.open(1 << 62, START + 3)
    assert (again.follower_count, again.audience_tier) == (4, AudienceTier.CELEBRITY)
    assert registrar.follow(1 << 62, START + 4) is None, "the sign-up has told the count"
    assert (again.handle, again.email) == (first.handle, first.email)


def recorded(count: int) -> list[Event]:
    rng, acts = Random(4), tuple(Act)
    return list(
        events_of(
            Interaction(
                line, rng.randint(1, 900), rng.randint(1, 900) << 40, START + line * 1000,
                acts[line % 3],
            )
            for line in range(1, count)
        )
    )  # fmt: skip


def test_recorded_people_sign_up_when_they_are_first_met() -> None:
    events = recorded(5000)
    found = drawn(accounts_of_recorded(), events)
    Rows().fold(map(to_json, found))
    assert found == drawn(accounts_of_recorded(), events)
    met: dict[int, int] = {}
    for event in events:
        for user in users_of(event):
            met.setdefault(user, event.occurred_at)
    joined = {one.user_id: one.at for one in found if isinstance(one, SignedUp)}
    assert joined.keys() < met.keys()
    assert len(joined) > 0.97 * len(met)
    assert sum(at == met[user] for user, at in joined.items()) > 0.97 * len(met)
    assert all(met[user] <= at < met[user] + DAY_MS for user, at in joined.items())


class Journal:
    """Takes events and changes and keeps the order in which they came."""

    def __init__(self) -> None:
        self.entries: list[Event | AccountChange] = []
        self.flushed = 0

    def send(self, event: Event) -> None:
        self.entries.append(event)

    def apply(self, changes: Sequence[AccountChange]) -> tuple[int, int]:
        assert changes
        self.entries += changes
        return len(changes), 0

    def flush(self) -> None:
        self.flushed = len(self.entries)


@pytest.mark.parametrize("flush_every", [1, 700, 100_000])
def test_what_happened_before_an_event_is_applied_before_it_is_sent(flush_every: int) -> None:
    journal = Journal()
    both = EventsWithAccounts(journal, journal, accounts_of(plan()))
    shown: list[int] = []
    both.sign_up_founders(shown.append)
    for number, event in enumerate(week(), start=1):
        both.send(event)
        if not number % flush_every:
            both.flush()
            assert journal.entries[-1] is event
    both.flush()
    assert journal.flushed == len(journal.entries)
    sent_until = 0
    for entry in journal.entries:
        if isinstance(entry, Event):
            sent_until = entry.occurred_at
        else:
            assert entry.at >= sent_until, "an event was sent before what happened earlier"
    assert [one for one in journal.entries if isinstance(one, Event)] == list(week())
    assert [one for one in journal.entries if isinstance(one, AccountChange)] == list(changes())
    assert both.types.total() == len(changes())
    assert shown[-1] == sum(1 for _ in accounts_of(plan()).founding())


def test_accounts_go_to_a_file_of_their_own(tmp_path: Path) -> None:
    events, accounts = tmp_path / "week.jsonl", tmp_path / "accounts.jsonl"
    run = storyline(
        "generate", "--users=400", "--events=5000", f"--out={events}", f"--accounts={accounts}",
        "--json",
    )  # fmt: skip
    summary = json.loads(run.stdout)
    lines = [json.loads(line) for line in accounts.read_bytes().splitlines()]
    assert dict(Counter(line["type"] for line in lines)) == summary["accounts"]
    assert summary["account_changes"] == len(lines) > 400 * 0.97
    assert len(events.read_bytes().splitlines()) == summary["events"] == 5000
    Rows().fold(lines)
    plan = Plan(users=400, events=5000, seed=1, start=1_736_121_600_000)
    assert lines == [to_json(one) for one in drawn(accounts_of(plan), Network(plan))]
    assert sorted(tmp_path.iterdir()) == [accounts, events]
    piped = storyline("generate", "--users=400", "--events=5000", "--out=/dev/null", "--accounts=-")
    assert piped.stdout == accounts.read_bytes()


@pytest.mark.slow
def test_load_higgs_writes_accounts_too(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(gzip.compress(b"1 2 1341100972 MT\n3 2 1341101181 RT\n"))
    run = storyline("load", "higgs", str(tmp_path), "--out=/dev/null", "--accounts=-")
    joined = [json.loads(line) for line in run.stdout.splitlines()]
    assert [(one["type"], one["user_id"]) for one in joined] == [
        ("SignedUp", "2"),
        ("SignedUp", "1"),
        ("SignedUp", "3"),
    ]


MEASURE = """
import sys
from itertools import islice, pairwise
from streams.generate.accounts import accounts_of
from streams.generate.network import Network
from streams.generate.world import Plan
plan = Plan(users=int(sys.argv[1]), events=int(sys.argv[1]) * 60, seed=1, start=1735689600000)
accounts = accounts_of(plan)
for _ in accounts.founding():
    pass
for event in islice(Network(plan), 60_000):
    accounts.before(event)
status = open("/proc/self/status").read()
print(status.split("VmHWM:")[1].split()[0])
"""


@pytest.mark.slow
@pytest.mark.parametrize(("users", "limit_mib"), [(1_000, 48), (50_000, 64)])
def test_memory_stays_bounded(users: int, limit_mib: int) -> None:
    command = [sys.executable, "-c", MEASURE, str(users)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(run.stdout) // 1024 < limit_mib
