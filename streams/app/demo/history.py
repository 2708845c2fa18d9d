"""The demonstration's lake data: a profile change that lands, and counts that add up."""

import time
from typing import Any, Final, NamedTuple

from streams.accounts.changes import Moved
from streams.app.accounts.database import accounts_connection, accounts_store
from streams.app.broker import log_reader
from streams.app.lake.ask import answered_sql
from streams.app.settings import Settings
from streams.app.stores import progress
from streams.contracts.tables import BRONZE
from streams.contracts.times import now_ms
from streams.errors import UserError

_ACCOUNTS: Final = "accounts.public.users"
_LANDED_WITHIN_S: Final = 60.0
_POLL_S: Final = 0.25
_PERSON = """
SELECT user_id, handle, display_name, country FROM users
WHERE user_id >= %s ORDER BY user_id LIMIT 1
"""


class Profile(NamedTuple):
    """Part of a user's row in the accounts database."""

    user_id: int
    handle: str
    display_name: str
    country: str


def profile(settings: Settings, near: int) -> Profile:
    """Return the account with the smallest id from `near` on.

    Raises:
        UserError: there is no such account.
    """
    with accounts_connection(settings) as connection:
        found = connection.execute(_PERSON, [near]).fetchone()
    if found is None:
        raise UserError("the accounts database is empty", hint="storyline generate --publish")
    return Profile(*found)


def move(settings: Settings, person: Profile) -> Profile:
    """Change the person's country, and return the new profile."""
    moved = person._replace(country="NO" if person.country == "IS" else "IS")
    at = now_ms()
    with accounts_store(settings) as store:
        store.apply([Moved(user_id=moved.user_id, at=at, country=moved.country)])
    return moved


def wait_until_landed(settings: Settings, moved: Profile) -> float:
    """Wait until the change stream has landed the profile in the bronze table.

    Returns:
        Seconds waited.

    Raises:
        UserError: the change does not land within 60 seconds.
    """
    began = time.monotonic()
    seen = (
        "SELECT count(*) FROM bronze_users_cdc "  # noqa: S608 - a number and a code of our own
        f"WHERE user_id = {moved.user_id:d} AND after.country = '{moved.country}'"
    )
    while not _rows(settings, seen)[0][0]:
        if time.monotonic() - began > _LANDED_WITHIN_S:
            raise UserError(
                "the change did not reach the lake", hint="see: storyline cdc status; storyline lag"
            )
        time.sleep(_POLL_S)
    return time.monotonic() - began


class LandedRecords(NamedTuple):
    """Number of a topic's records in the log, in its bronze table and in the quarantine."""

    topic: str
    log: int
    bronze: int
    quarantined: int


def landed(settings: Settings) -> list[LandedRecords]:
    """Return each source topic's records in the log, and its rows in the lake."""
    sizes = progress(settings).sizes(BRONZE)
    # Transactions leave markers among its offsets: only reading it yields the number of records.
    sizes[_ACCOUNTS] = sum(map(len, log_reader(settings).read(_ACCOUNTS, 0, follow=False)))
    aside = dict(_rows(settings, "SELECT topic, count(*) FROM quarantine GROUP BY topic"))
    counts = " UNION ALL ".join(
        f"SELECT '{topic}', count(*) FROM {table}"  # noqa: S608 - our own names
        for topic, table in BRONZE.items()
    )
    bronze = dict(_rows(settings, counts))
    return [
        LandedRecords(topic, sizes[topic], bronze[topic], aside.get(topic, 0)) for topic in BRONZE
    ]


def _rows(settings: Settings, sql: str) -> list[Any]:
    with answered_sql(settings, sql) as answer:
        return list(answer.rows)
