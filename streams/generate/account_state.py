"""State of all accounts, and changes that are valid in that state."""

from array import array
from bisect import bisect
from collections import defaultdict
from dataclasses import dataclass
from typing import Final, Protocol

from streams.accounts.changes import (
    AccountDeleted,
    AudienceCounted,
    AudienceTier,
    Moved,
    PrivacySet,
    Renamed,
    SignedUp,
)
from streams.generate.people import COUNTRIES, display_name, handle, person

_OPEN, _PRIVATE = 1, 2
_FIRST_STEP, _STEPS = 16, 27
_RENAMES: Final = 256  # stored in a byte: after this many the first name is used again


class UserNumbers(Protocol):
    """A small number for each user, 0 at first."""

    def __getitem__(self, user_id: int, /) -> int: ...
    def __setitem__(self, user_id: int, number: int, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Tiers:
    """Numbers of followers from which an account is popular, and a celebrity."""

    popular: int
    celebrity: int

    def of(self, followers: int) -> AudienceTier:
        if followers >= self.celebrity:
            return AudienceTier.CELEBRITY
        return AudienceTier.POPULAR if followers >= self.popular else AudienceTier.REGULAR

    def steps(self) -> list[int]:
        """Return the follower counts that are published: each doubling, and each tier's first."""
        doublings = (_FIRST_STEP << power for power in range(_STEPS))
        return sorted({*doublings, self.popular, self.celebrity})


class AccountState:
    """The accounts of users 1..users in 8 bytes each, or of any users if `users` is `None`.

    `rename`, `move`, `flip_privacy` and `delete` need an open account, `open` needs one that is
    not, and all five need it to be free (`is_free`). Times never go back. Users 1..famous are the
    famous ones.
    """

    def __init__(self, seed: int, users: int | None, *, famous: int, tiers: Tiers) -> None:
        self._seed = seed
        self._famous = famous
        self._tiers = tiers
        self._steps = tiers.steps()
        self._flags, self._names = _bytes(users), _bytes(users)
        self._countries, self._published = _bytes(users), _bytes(users)
        self._followers: UserNumbers = (
            defaultdict(int) if users is None else array("I", [0]) * (users + 1)
        )
        self._now = 0
        self._changed: set[int] = set()  # at `_now`

    def is_open(self, user_id: int) -> bool:
        return bool(self._flags[user_id] & _OPEN)

    def is_free(self, user_id: int, at: int) -> bool:
        """Return whether the account has no change at `at` yet: times distinguish its changes."""
        return at > self._now or user_id not in self._changed

    def open(self, user_id: int, at: int) -> SignedUp:
        """Sign the user up; a user who comes back keeps name and followers."""
        who = person(self._seed, user_id, famous=user_id <= self._famous)
        followers = self._followers[user_id]
        self._record_change(user_id, at)
        self._published[user_id] = bisect(self._steps, followers)
        self._flags[user_id] = _OPEN | who.is_private * _PRIVATE
        self._countries[user_id] = who.country
        return SignedUp(
            user_id=user_id,
            at=at,
            handle=self._handle(user_id),
            display_name=display_name(self._seed, user_id, self._names[user_id]),
            email=who.email,
            password_hash=who.password_hash,
            country=COUNTRIES[who.country],
            is_private=who.is_private,
            account_type=who.account_type,
            verified=who.verified,
            audience_tier=self._tiers.of(followers),
            follower_count=followers,
        )

    def rename(self, user_id: int, at: int) -> Renamed:
        """Change the display name and, every other time, the handle."""
        self._record_change(user_id, at)
        self._names[user_id] = (self._names[user_id] + 1) % _RENAMES
        shown = display_name(self._seed, user_id, self._names[user_id])
        return Renamed(user_id=user_id, at=at, handle=self._handle(user_id), display_name=shown)

    def move(self, user_id: int, at: int, country: int) -> Moved:
        """Move the user to `COUNTRIES[country]`, or to the next one if the user lives there."""
        self._record_change(user_id, at)
        if country == self._countries[user_id]:
            country = (country + 1) % len(COUNTRIES)
        self._countries[user_id] = country
        return Moved(user_id=user_id, at=at, country=COUNTRIES[country])

    def flip_privacy(self, user_id: int, at: int) -> PrivacySet:
        self._record_change(user_id, at)
        self._flags[user_id] ^= _PRIVATE
        is_private = bool(self._flags[user_id] & _PRIVATE)
        return PrivacySet(user_id=user_id, at=at, is_private=is_private)

    def delete(self, user_id: int, at: int) -> AccountDeleted:
        self._record_change(user_id, at)
        self._flags[user_id] = 0
        return AccountDeleted(user_id=user_id, at=at)

    def follow(self, user_id: int, at: int) -> AudienceCounted | None:
        """Count a new follower; return the count if it reaches a step not published yet.

        Returns `None` if it does not, or the account is not open or not free.
        """
        followers = self._followers[user_id] + 1
        self._followers[user_id] = followers
        step = bisect(self._steps, followers)
        is_published = step <= self._published[user_id]
        if is_published or not self.is_open(user_id) or not self.is_free(user_id, at):
            return None
        self._record_change(user_id, at)
        self._published[user_id] = step
        return AudienceCounted(
            user_id=user_id,
            at=at,
            follower_count=followers,
            audience_tier=self._tiers.of(followers),
        )

    def unfollow(self, user_id: int) -> None:
        self._followers[user_id] = max(0, self._followers[user_id] - 1)

    def _record_change(self, user_id: int, at: int) -> None:
        if at > self._now:
            self._now = at
            self._changed.clear()
        self._changed.add(user_id)

    def _handle(self, user_id: int) -> str:
        # By turns: one half of the users keep the handle at their first rename.
        changes = (self._names[user_id] + user_id % 2) // 2
        return handle(self._seed, user_id, changes)


def _bytes(users: int | None) -> UserNumbers:
    return defaultdict(int) if users is None else bytearray(users + 1)
