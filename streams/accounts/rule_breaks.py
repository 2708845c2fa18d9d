"""Accounts that break a rule that was added to `users` after them (NOT VALID)."""

from typing import Final, LiteralString, NamedTuple

from psycopg import sql

from streams.accounts.database import Connection, driver_errors

_RULES: Final[LiteralString] = """
SELECT conname, pg_get_expr(conbin, conrelid) FROM pg_constraint
WHERE conrelid = 'users'::regclass AND contype = 'c' AND NOT convalidated ORDER BY conname
"""


class RuleBreak(NamedTuple):
    """An account, the constraint that it breaks, and the constraint's condition in SQL."""

    user_id: int
    rule: str
    condition: str


def rule_breaks(connection: Connection) -> list[RuleBreak]:
    """Return each account that breaks a constraint that PostgreSQL has not validated.

    The whole table is read once per such constraint. Raises StoreUnavailableError.
    """
    found: list[RuleBreak] = []
    with driver_errors():
        for rule, condition in connection.execute(_RULES).fetchall():
            query = sql.SQL("SELECT user_id FROM users WHERE NOT ({}) ORDER BY user_id").format(
                sql.SQL(condition)
            )
            rows = connection.execute(query).fetchall()
            found += [RuleBreak(user_id, rule, condition) for (user_id,) in rows]
    return found
