"""Changes of accounts: the commands that the accounts database accepts.

User ids are positive 63-bit integers; times are milliseconds since the Unix epoch (UTC).
"""

from dataclasses import dataclass
from enum import StrEnum


class AccountType(StrEnum):
    """Purpose of an account."""

    PERSONAL = "personal"
    CREATOR = "creator"
    BUSINESS = "business"


class AudienceTier(StrEnum):
    """Audience label of the accounts service. Delivery of posts depends on events, not on it."""

    REGULAR = "regular"
    POPULAR = "popular"
    CELEBRITY = "celebrity"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChange:
    """Base of the changes of one account; `at` is the time of the change."""

    user_id: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUp(AccountChange):
    """Opening of an account, or its reopening after a deletion."""

    handle: str
    display_name: str
    email: str
    password_hash: str
    country: str
    """ISO 3166-1 alpha-2."""
    is_private: bool = False
    account_type: AccountType = AccountType.PERSONAL
    verified: bool = False
    audience_tier: AudienceTier = AudienceTier.REGULAR
    follower_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed(AccountChange):
    handle: str
    display_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved(AccountChange):
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacySet(AccountChange):
    is_private: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceCounted(AccountChange):
    follower_count: int
    audience_tier: AudienceTier


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDeleted(AccountChange):
    pass
