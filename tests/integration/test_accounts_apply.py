"""`storyline accounts apply` on a real database."""

import json
import random
import subprocess
from collections.abc import Iterator

import pytest
from psycopg import sql

from streams.accounts.database import connect
from streams.app.accounts.database import accounts_connection, accounts_server, migrate_accounts
from streams.app.settings import Settings
from tests.support import commands

pytestmark = pytest.mark.stack

SIGN_UP = {
    "type": "SignedUp",
    "user_id": "42",
    "at": "2026-01-01T00:00:00Z",
    "handle": "Ada",
    "display_name": "Ada",
    "email": "secret-mail-42@example.com",
    "password_hash": "$synthetic$42",
    "country": "GB",
}


@pytest.fixture(scope="module")
def own(stack: Settings) -> Iterator[Settings]:
    """A database that no other test uses."""
    name = f"test_{random.SystemRandom().getrandbits(48):x}"
    accounts = stack.accounts.model_copy(update={"database": name})
    settings = stack.model_copy(update={"accounts": accounts})
    migrate_accounts(settings, lambda _: None)
    yield settings
    with connect(accounts_server(settings).maintenance) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(own: Settings) -> Settings:
    with accounts_connection(own) as connection:
        connection.execute("TRUNCATE users, closed_accounts")
    return own


def apply(settings: Settings, *changes: object, file: str = "-") -> tuple[int, dict[str, object]]:
    """The exit code and the summary."""
    run = storyline(settings, "apply", file, "--json", lines=changes)
    return run.returncode, json.loads(run.stdout)


def storyline(
    settings: Settings, *args: str, lines: tuple[object, ...] = ()
) -> subprocess.CompletedProcess[str]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return commands.storyline(settings, "accounts", *args, text=text)


def handles(settings: Settings) -> dict[int, str]:
    with accounts_connection(settings) as connection:
        return dict(connection.execute("SELECT user_id, handle FROM users").fetchall())


def test_changes_are_applied_in_order_and_repeating_them_is_harmless(database: Settings) -> None:
    lines = (
        SIGN_UP,
        {"type": "Renamed", "user_id": 42, "handle": "lovelace", "display_name": "Ada Lovelace"},
        {"type": "PrivacySet", "user_id": 42, "is_private": True},
        {"type": "AccountDeleted", "user_id": "43"},
    )
    code, summary = apply(database, *lines)
    assert (code, summary["applied"], summary["skipped"]) == (0, 3, 1)
    assert handles(database) == {42: "lovelace"}
    code, summary = apply(database, SIGN_UP)
    assert (code, summary["applied"], summary["skipped"]) == (0, 0, 1)
    assert handles(database) == {42: "lovelace"}


def test_a_line_that_the_database_refuses_is_named_and_nothing_is_applied(
    database: Settings,
) -> None:
    other = {**SIGN_UP, "user_id": "43", "handle": "aDa", "email": "secret-mail-43@example.com"}
    run = storyline(database, "apply", "-", lines=(SIGN_UP, "", other))
    assert run.returncode == 3
    assert run.stderr.startswith("standard input:3: account 43, SignedUp at ")
    assert "the handle is taken" in run.stderr
    assert "secret-mail" not in run.stderr + run.stdout
    assert "$synthetic" not in run.stderr + run.stdout
    assert handles(database) == {}
