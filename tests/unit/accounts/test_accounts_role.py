"""What a migration creates on a PostgreSQL server: what is missing, and nothing twice."""

from collections.abc import Collection
from typing import Any, cast

import pytest

from streams.accounts.database import Connection, Server
from streams.accounts.migrate import CaptureRole, _create


class Admin:
    """A server that has these databases and roles; remembers statements."""

    def __init__(self, has: Collection[str]) -> None:
        self.has = has
        self.statements: list[str] = []
        self._found: tuple[()] | None = None

    def execute(self, query: Any, values: tuple[str, ...] = ()) -> "Admin":
        if isinstance(query, bytes):
            (name,) = values
            self._found = () if name in self.has else None
        else:
            self.statements.append(query.as_string(None))
        return self

    def fetchone(self) -> tuple[()] | None:
        return self._found


def created(*has: str, user: str = "owner", password: str = "secret") -> list[str]:  # noqa: S107
    admin = Admin(has)
    server = Server("db", 5432, "people", user)
    _create(cast(Connection, admin), server, CaptureRole("reader", password))
    return [line for line in admin.statements if "SET log_" not in line]


CREATE_DATABASE = """CREATE DATABASE "people" ENCODING 'UTF8' TEMPLATE template0"""
CREATE_ROLE = 'CREATE ROLE "reader"'
ALTER_ROLE = 'ALTER ROLE "reader" LOGIN REPLICATION NOSUPERUSER NOCREATEDB NOCREATEROLE'


@pytest.mark.parametrize("has", [(), ("people",), ("reader",), ("people", "reader")])
def test_only_what_is_missing_is_created(has: tuple[str, ...]) -> None:
    statements = created(*has)
    assert (CREATE_DATABASE in statements) == ("people" not in has)
    assert (CREATE_ROLE in statements) == ("reader" not in has)
    assert ALTER_ROLE in statements


def test_migrating_user_keeps_its_own_rights() -> None:
    assert ALTER_ROLE not in created("reader", user="reader")


def test_password_is_set_only_if_there_is_one() -> None:
    assert any("PASSWORD 'secret'" in statement for statement in created())
    assert not any("PASSWORD" in statement for statement in created(password=""))
