"""Names, countries and account types of the users, computed from seed and user id.

Nothing is stored per user: the draws are a hash of seed, user and purpose. Data that would
identify a person has a mark, so that a search for the mark finds every place where it leaked.
"""

from bisect import bisect
from hashlib import blake2b
from itertools import accumulate
from struct import pack, unpack
from typing import Final, NamedTuple

from streams.accounts.changes import AccountType

MAIL_MARK: Final = "secret-mail-"
HASH_MARK: Final = "$synthetic$"

_DRAWS: Final = 8
_WORDS: Final = (
    "amber", "blue", "brave", "calm", "clear", "cool", "dusty", "early", "fair", "fuzzy", "gold",
    "grand", "green", "happy", "icy", "jolly", "kind", "late", "light", "lucky", "misty", "neat",
    "noble", "odd", "pink", "proud", "quick", "quiet", "red", "shy", "small", "sunny",
)  # fmt: skip
_THINGS: Final = (
    "bear", "birch", "cat", "cloud", "comet", "crane", "crow", "daisy", "deer", "dune", "fern",
    "finch", "fjord", "fox", "hare", "heron", "lake", "lark", "leaf", "lynx", "maple", "moon",
    "moth", "otter", "owl", "pine", "reed", "robin", "seal", "storm", "tern", "wolf",
)  # fmt: skip
_GIVEN: Final = (
    "Ada", "Amara", "Ana", "Arjun", "Ayşe", "Bruno", "Chidi", "Chloé", "Dewi", "Diego", "Elif",
    "Emma", "Fatima", "Felix", "Hana", "Hiro", "Ines", "Ivan", "Jonas", "José", "Kofi", "Lena",
    "Linh", "Liam", "Mara", "Mei", "Noor", "Olga", "Omar", "Pedro", "Priya", "Rosa", "Sami",
    "Sofia", "Tariq", "Thiago", "Uma", "Viktor", "Yuki", "Zoë", "美咲", "Ольга",
)  # fmt: skip
_FAMILY: Final = (
    "Adeyemi", "Ahmed", "Bauer", "Costa", "Cruz", "Demir", "Dubois", "Evans", "Fischer", "García",
    "Gupta", "Haddad", "Ivanova", "Jensen", "Kaya", "Khan", "Kim", "Kowalski", "Lee", "Lopes",
    "Mensah", "Moreau", "Müller", "Nguyen", "Novák", "Okafor", "O'Brien", "Park", "Patel",
    "Pereira", "Rossi", "Santos", "Sato", "Silva", "Singh", "Smith", "Suzuki", "Tanaka", "Torres",
    "Walker", "Wang", "Yılmaz",
)  # fmt: skip
_WEIGHTS: Final = {
    "US": 170, "IN": 150, "BR": 110, "ID": 80, "MX": 55, "JP": 50, "GB": 45, "TR": 42, "PH": 40,
    "DE": 38, "FR": 35, "NG": 28, "IT": 26, "ES": 25, "KR": 20, "AR": 18, "CA": 18, "CO": 16,
    "EG": 14, "PL": 12, "AU": 11, "NL": 8, "KE": 7, "SE": 5, "PT": 4, "CH": 3, "NZ": 2, "FI": 2,
    "UY": 1, "IS": 1,
}  # fmt: skip
COUNTRIES: Final = tuple(_WEIGHTS)
"""Countries where users live (ISO 3166-1 alpha-2), by their number of users, descending."""
_REACHED: Final = tuple(accumulate(_WEIGHTS.values()))


class Person(NamedTuple):
    """Data of a sign-up; `country` is an index into COUNTRIES."""

    country: int
    is_private: bool
    account_type: AccountType
    verified: bool
    email: str
    password_hash: str


def draws(seed: int, user_id: int, purpose: str, number: int = 0) -> tuple[float, ...]:
    """Return eight numbers of [0, 1) that depend only on the arguments.

    Args:
        seed: Seed of the simulation; modulo 2**64.
        user_id: Id of the user.
        purpose: Use of the draws, at most 16 bytes; different ones give independent numbers.
        number: Number of the draw for this purpose.
    """
    key = pack("<QQQ", seed % 2**64, user_id, number)
    digest = blake2b(key, digest_size=4 * _DRAWS, person=purpose.encode()).digest()
    return tuple(part / 2**32 for part in unpack(f"<{_DRAWS}I", digest))


def person(seed: int, user_id: int, *, famous: bool) -> Person:
    """Return the user as first signed up.

    Famous users are public, and most are verified, and creators or businesses.
    """
    country, private, kind, verified, *_ = draws(seed, user_id, "person")
    creator, business = (0.65, 0.95) if famous else (0.05, 0.08)
    if kind < creator:
        account_type = AccountType.CREATOR
    else:
        account_type = AccountType.BUSINESS if kind < business else AccountType.PERSONAL
    return Person(
        country=country_at(country),
        is_private=private < 0.2 and account_type is AccountType.PERSONAL and not famous,
        account_type=account_type,
        verified=verified < (0.95 if famous else 0.005),
        email=f"{MAIL_MARK}{user_id}@example.com",
        password_hash=f"{HASH_MARK}{int(private * 2**32):08x}{int(kind * 2**32):08x}",
    )


def country_at(uniform: float) -> int:
    """Return the index into COUNTRIES at a quantile of [0, 1)."""
    return bisect(_REACHED, uniform * _REACHED[-1])


def handle(seed: int, user_id: int, number: int) -> str:
    """Return the user's handle after `number` changes of it; no two users share a handle."""
    word, thing, capitals, *_ = draws(seed, user_id, "handle", number)
    first = _WORDS[int(word * len(_WORDS))]
    second = _THINGS[int(thing * len(_THINGS))]
    if capitals < 0.15:
        first, second = first.capitalize(), second.capitalize()
    return f"{first}{second}_{user_id}"


def display_name(seed: int, user_id: int, number: int) -> str:
    """Return the user's display name after `number` changes of it."""
    given, family, form, word, thing, *_ = draws(seed, user_id, "name", number)
    name = _GIVEN[int(given * len(_GIVEN))]
    if form < 0.15:
        return f"{name} the {_WORDS[int(word * 32)]} {_THINGS[int(thing * 32)]}"
    if form < 0.3:
        return name
    return f"{name} {_FAMILY[int(family * len(_FAMILY))]}"
