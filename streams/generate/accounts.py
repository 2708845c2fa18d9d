"""Openings, changes and deletions of accounts that accompany the events of a network.

They have random draws of their own, so that a seed gives the same events with and without them.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import fields
from math import gcd
from random import Random
from typing import Final

from streams.accounts.changes import AccountChange, SignedUp
from streams.contracts.events import EVENT_TYPES, Event, UserFollowed, UserUnfollowed
from streams.contracts.times import DAY_MS, HOUR_MS
from streams.generate.account_state import AccountState, Tiers
from streams.generate.people import country_at, draws
from streams.generate.world import Plan

NEVER: Final = 0.01
"""Share of users who never sign up."""
LATE: Final = 0.01
"""Share of users who sign up at most a day after an event first names them."""
NEW: Final = 0.1
"""Share of users who sign up when an event first names them.

All others, except `NEVER` and `LATE`, are members before the run begins.
"""
TURNOVER: Final = 0.06
"""Renames, moves, privacy flips and deletions per user and week."""
RETURNING: Final = 0.5
"""Share of deleted users who come back."""

_WEEK_MS = 7 * DAY_MS
_FOUNDING_MS = 4 * 365 * DAY_MS
_FAMOUS = 200  # one user in this many
_TRIES = 20
_HIGGS_TIERS = Tiers(500, 5000)
_ROLES = frozenset(
    {
        "author_id", "user_id", "follower_id", "followee_id", "target_id", "owner_id",
        "repost_of_author", "reply_to_author",
    }
)  # fmt: skip
_NAMING: Final = {
    kind: tuple(field.name for field in fields(kind) if field.name in _ROLES)
    for kind in EVENT_TYPES.values()
}


class AccountTimeline:
    """Account changes that accompany a stream of events, in time order; can be used once.

    `founding` yields the first ones; then `before`, called with each event in the order of the
    stream, returns what happened to accounts until then. Memory: a few bytes per user.
    """

    def __init__(
        self, seed: int, registrar: AccountState, *, users: int = 0, start: int = 0
    ) -> None:
        """Make users 1..users members at `start` (ms), but for `NEW`, `LATE` and `NEVER`.

        Famous users are always members.
        """
        self._seed = seed
        self._registrar = registrar
        self._users = users
        self._start = start
        # Not for secrets: a run must be repeatable.
        self._rng = Random(f"accounts {seed}")  # noqa: S311
        self._joining: list[tuple[int, int]] = []  # (at, user) of late and returning users
        self._met: set[int] | _Marks = _Marks(users) if users else set()
        self._last = 0
        self._turn_at = self._next_turn(start)

    @property
    def founders(self) -> int:
        """Approximate number of changes that `founding` yields."""
        return round(self._users * (1 - NEVER - LATE - NEW))

    def founding(self) -> Iterator[SignedUp]:
        """Yield the sign-ups of the members at the start, over the four years before it."""
        step = _coprime(self._users, self._rng)
        for number in range(self._users):
            user_id = number * step % self._users + 1
            if self._founds(user_id):
                self._met.add(user_id)
                back = _FOUNDING_MS * (self._users - number) // self._users
                yield self._registrar.open(user_id, self._start - back)

    def before(self, event: Event) -> list[AccountChange]:
        """Return the changes since the previous event that must be known before this one."""
        if event.event_id <= self._last:  # sent again
            return []
        self._last, now = event.event_id, event.occurred_at
        changes = list(self._due(now))
        changes += self._meet(event, now)
        match event:
            case UserFollowed(followee_id=followee):
                counted = self._registrar.follow(followee, now)
                changes += [counted] if counted else []
            case UserUnfollowed(followee_id=followee):
                self._registrar.unfollow(followee)
        return changes

    def _founds(self, user_id: int) -> bool:
        famous = user_id <= max(1, self._users // _FAMOUS)
        return famous or _draw(self._seed, user_id) >= NEVER + LATE + NEW

    def _meet(self, event: Event, now: int) -> Iterator[AccountChange]:
        for user_id in users_of(event):
            if user_id in self._met:
                continue
            self._met.add(user_id)
            draw = _draw(self._seed, user_id)
            if draw >= NEVER + LATE:
                yield self._registrar.open(user_id, now)
            elif draw >= NEVER:
                wait = 1 + int(self._rng.random() * DAY_MS)
                heapq.heappush(self._joining, (now + wait, user_id))

    def _due(self, now: int) -> Iterator[AccountChange]:
        while True:
            joins_at = self._joining[0][0] if self._joining else now + 1
            if joins_at > now and self._turn_at > now:
                return
            if joins_at <= self._turn_at:
                yield self._registrar.open(heapq.heappop(self._joining)[1], joins_at)
            else:
                at, self._turn_at = self._turn_at, self._next_turn(self._turn_at)
                yield from self._turn(at)

    def _next_turn(self, after: int) -> int:
        """Return when the next member changes something: all times are equally likely.

        So the gaps are exponential.
        """
        if not self._users:
            return 1 << 63
        rate = self._users * TURNOVER / _WEEK_MS
        return after + 1 + int(self._rng.expovariate(rate))

    def _turn(self, at: int) -> Iterator[AccountChange]:
        members = (1 + int(self._rng.random() * self._users) for _ in range(_TRIES))
        user_id = next(filter(self._registrar.is_open, members), None)
        if user_id is None or not self._registrar.is_free(user_id, at):
            return
        draw, detail = self._rng.random(), self._rng.random()
        if draw < 0.4:
            yield self._registrar.rename(user_id, at)
        elif draw < 0.6:
            yield self._registrar.move(user_id, at, country_at(detail))
        elif draw < 0.85:
            yield self._registrar.flip_privacy(user_id, at)
        else:
            yield self._registrar.delete(user_id, at)
            if detail < RETURNING:
                away = HOUR_MS + int(self._rng.random() * 2 * DAY_MS)
                heapq.heappush(self._joining, (at + away, user_id))


def accounts_of(plan: Plan) -> AccountTimeline:
    """Return the accounts of a synthetic network; audience tiers are shares of all its users."""
    tiers = Tiers(max(20, plan.users // 100), max(50, plan.users // 20))
    famous = max(1, plan.users // _FAMOUS)
    registrar = AccountState(plan.seed, plan.users, famous=famous, tiers=tiers)
    return AccountTimeline(plan.seed, registrar, users=plan.users, start=plan.start)


def accounts_of_recorded(seed: int = 1) -> AccountTimeline:
    """Return the accounts of recorded people: opened when first named, otherwise left alone."""
    return AccountTimeline(seed, AccountState(seed, None, famous=0, tiers=_HIGGS_TIERS))


def users_of(event: Event) -> Iterator[int]:
    """Yield every user that an event names, possibly more than once."""
    for name in _NAMING[type(event)]:
        user_id = getattr(event, name)
        if user_id is not None:
            yield user_id


def _draw(seed: int, user_id: int) -> float:
    return draws(seed, user_id, "joining")[0]


def _coprime(size: int, rng: Random) -> int:
    """Return a step that visits every number below `size`."""
    steps: Iterable[int] = iter(lambda: 1 + int(rng.random() * max(size - 1, 1)), 0)
    return next(step for step in steps if gcd(step, size) == 1)


class _Marks:
    """Set of users 1..users, one byte per user."""

    def __init__(self, users: int) -> None:
        self._marks = bytearray(users + 1)

    def __contains__(self, user_id: int) -> bool:
        return bool(self._marks[user_id])

    def add(self, user_id: int) -> None:
        self._marks[user_id] = 1
