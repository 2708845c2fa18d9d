"""Writes of the accounts service: changes of accounts, applied in order, all or nothing."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString, NamedTuple

from psycopg import errors

from streams.accounts.changes import (
    AccountChange,
    AccountDeleted,
    AudienceCounted,
    Moved,
    PrivacySet,
    Renamed,
    SignedUp,
)
from streams.accounts.database import Connection, driver_errors
from streams.contracts.times import format_time
from streams.errors import UserError

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# An updated_at that Python cannot hold counts as 1970: the next change replaces or names it.
_CURRENT: Final[LiteralString] = """
SELECT user_id, true, CASE
    WHEN updated_at BETWEEN '0001-01-02 00:00Z' AND '9999-12-30 00:00Z' THEN updated_at ELSE 'epoch'
END FROM users WHERE user_id = ANY(%(ids)s)
UNION ALL
SELECT user_id, false, closed_at FROM closed_accounts AS closed
WHERE user_id = ANY(%(ids)s) AND NOT EXISTS (SELECT FROM users WHERE user_id = closed.user_id)
"""
_ONE_WRITER: Final[LiteralString] = "LOCK TABLE closed_accounts IN SHARE ROW EXCLUSIVE MODE"
_SIGN_UP: Final[LiteralString] = """
INSERT INTO users (user_id, handle, display_name, email, password_hash, country, is_private,
    account_type, verified, audience_tier, follower_count, created_at, updated_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_RENAME: Final[LiteralString] = (
    "UPDATE users SET handle = %s, display_name = %s, updated_at = %s WHERE user_id = %s"
)
_MOVE: Final[LiteralString] = "UPDATE users SET country = %s, updated_at = %s WHERE user_id = %s"
_SET_PRIVACY: Final[LiteralString] = (
    "UPDATE users SET is_private = %s, updated_at = %s WHERE user_id = %s"
)
_COUNT_AUDIENCE: Final[LiteralString] = (
    "UPDATE users SET follower_count = %s, audience_tier = %s, updated_at = %s WHERE user_id = %s"
)
_DELETE: Final[LiteralString] = "DELETE FROM users WHERE user_id = %s"
_REMEMBER: Final[LiteralString] = """
INSERT INTO closed_accounts (user_id, closed_at) VALUES (%s, %s)
ON CONFLICT (user_id) DO UPDATE SET closed_at = excluded.closed_at
"""
_RULES: Final[Mapping[str, str]] = {
    "users_pkey": "the account exists",
    "users_handle_key": "the handle is taken (without regard to case)",
    "users_user_id": "the id is not positive",
    "users_handle": "a handle is 1 to 30 of the characters A-Z a-z 0-9 . _",
    "users_display_name": "a display name has 1 to 100 characters",
    "users_email": "this is no e-mail address",
    "users_password_hash": "a password hash has 1 to 255 characters",
    "users_country": "a country is two capital letters (ISO 3166-1)",
    "users_account_type": "there is no such account type",
    "users_audience_tier": "there is no such audience tier",
    "users_follower_count": "a follower count is not negative",
    "users_created_at_in_years_1_to_9999": "created_at is outside the years 1 to 9999",
    "users_updated_at_in_years_1_to_9999": "updated_at is outside the years 1 to 9999",
    "users_times": "an account cannot change before it was opened",
}
"""Constraint -> its rule, or its violation, in words."""

_Statement = tuple[LiteralString, tuple[Any, ...]]


class Applied(NamedTuple):
    """Number of changes that were written, and of those that had nothing to do."""

    changed: int
    skipped: int


class AccountRefusedError(UserError):
    """A change that breaks a rule of the accounts database; no change of its call was applied."""

    def __init__(self, change: AccountChange, reason: str) -> None:
        super().__init__(
            f"account {change.user_id}, {type(change).__name__} at "
            f"{format_time(change.at)}: {reason}",
            hint="nothing of this batch was written; correct that change and repeat the batch",
        )
        self.change = change
        self.reason = reason


class AccountStore:
    """Store of accounts behind one connection; one writer at a time, others wait."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def apply(self, changes: Sequence[AccountChange]) -> Applied:
        """Apply the changes in order, in one transaction, each as a write of its own.

        A call can be repeated without harm: a change that is not later than the account's last
        change is skipped, and so are a sign-up of an account that exists and any other change of
        an account that does not exist.

        Args:
            changes: The changes of one account have strictly increasing times `at`.

        Raises:
            ValueError: Two changes of one account are not in order of time.
            AccountRefusedError: A change breaks a rule; nothing was applied.
            StoreUnavailableError: PostgreSQL does not answer. The call may or may not have been
                applied; repeat it.
        """
        _check_order(changes)
        with driver_errors():
            try:
                return self._apply(changes)
            except (errors.IntegrityError, errors.DataError):
                pass  # its text has the whole row with its secrets: never chain it to our error
            if refusal := self._refusal(changes):
                raise refusal
            return self._apply(changes)  # the conflict has gone by now

    def _apply(self, changes: Sequence[AccountChange]) -> Applied:
        with self._connection.transaction():
            effective = self._effective(changes)
            with self._connection.pipeline():
                for change in effective:
                    for query, values in _statements(change):
                        self._connection.execute(query, values, prepare=True)
        return Applied(len(effective), len(changes) - len(effective))

    def _effective(self, changes: Sequence[AccountChange]) -> list[AccountChange]:
        """Lock out other writers, and return the changes that have an effect on the accounts."""
        self._connection.execute(_ONE_WRITER)
        ids = list({change.user_id for change in changes})
        rows = self._connection.execute(_CURRENT, {"ids": ids}).fetchall()
        current = {user_id: (exists, at) for user_id, exists, at in rows}
        return list(_filtered(changes, current))

    def _refusal(self, changes: Sequence[AccountChange]) -> AccountRefusedError | None:
        """Return the error of the refused change, `None` if no change is refused any more.

        The changes are tried one by one in a transaction that is rolled back.
        """
        with self._connection.transaction(force_rollback=True):
            for change in self._effective(changes):
                try:
                    for query, values in _statements(change):
                        self._connection.execute(query, values)
                except (errors.IntegrityError, errors.DataError) as error:
                    return AccountRefusedError(change, _reason(error))
        return None


def _check_order(changes: Sequence[AccountChange]) -> None:
    last: dict[int, int] = {}
    for change in changes:
        if change.at <= last.get(change.user_id, change.at - 1):
            raise ValueError(f"two changes of account {change.user_id} are not in order of time")
        last[change.user_id] = change.at


def _filtered(
    changes: Sequence[AccountChange], current: Mapping[int, tuple[bool, datetime]]
) -> Iterator[AccountChange]:
    exists = {user_id: there for user_id, (there, _) in current.items()}
    for change in changes:
        _, seen = current.get(change.user_id, (False, None))
        if seen is not None and _time(change.at) <= seen:
            continue
        if exists.get(change.user_id, False) is not isinstance(change, SignedUp):
            exists[change.user_id] = not isinstance(change, AccountDeleted)
            yield change


def _statements(change: AccountChange) -> Iterator[_Statement]:
    user_id, at = change.user_id, _time(change.at)
    match change:
        case SignedUp():
            yield _SIGN_UP, _row(change)
        case Renamed():
            yield _RENAME, (change.handle, change.display_name, at, user_id)
        case Moved():
            yield _MOVE, (change.country, at, user_id)
        case PrivacySet():
            yield _SET_PRIVACY, (change.is_private, at, user_id)
        case AudienceCounted():
            yield _COUNT_AUDIENCE, (change.follower_count, change.audience_tier, at, user_id)
        case AccountDeleted():
            yield _DELETE, (user_id,)
            yield _REMEMBER, (user_id, at)
        case _:
            raise TypeError(f"no statement for a {type(change).__name__}")


def _row(change: SignedUp) -> tuple[Any, ...]:
    return (
        change.user_id,
        change.handle,
        change.display_name,
        change.email,
        change.password_hash,
        change.country,
        change.is_private,
        str(change.account_type),
        change.verified,
        str(change.audience_tier),
        change.follower_count,
        _time(change.at),
        _time(change.at),
    )


def _reason(error: errors.DatabaseError) -> str:
    """Return the broken rule in words; PostgreSQL's own detail would repeat the whole row."""
    rule = error.diag.constraint_name
    return _RULES.get(rule or "", error.diag.message_primary or str(error))


def _time(at: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at)
