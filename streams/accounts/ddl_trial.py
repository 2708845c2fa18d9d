"""Trial of a planned change of `users`: PostgreSQL runs it on a copy, and its effect is judged.

The copy has no rows and is in a schema of its own, inside a transaction that is rolled back. The
statements run as a role that owns the copy and nothing else, and through PL/pgSQL, which refuses
COMMIT and everything that cannot be undone. So nothing in the database changes.
"""

import re
from collections.abc import Iterator
from typing import Final, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from streams.accounts.connector import CAPTURED, KEY
from streams.accounts.database import Connection, driver_errors
from streams.contracts.tables import USER
from streams.errors import UserError

_COPY: Final = "storyline_ddl_trial"
"""Name of the schema and of the role: neither outlives the transaction."""
_KINDS: Final = {column.name: column.type for column in USER}
_TYPES: Final = {
    "BIGINT": frozenset({"int8"}),
    "STRING": frozenset({"text", "varchar", "bpchar", "citext"}),
    "BOOLEAN": frozenset({"bool"}),
    "TIMESTAMP": frozenset({"timestamptz"}),
}
"""Kind of a captured column -> the PostgreSQL types that Debezium sends in the same Avro type."""

_QUALIFIED: Final = re.compile(r'(?<![\w"])("?)public\1\s*\.\s*("?)users\2(?![\w"])', re.IGNORECASE)
_CONCURRENTLY: Final = re.compile(r"\bconcurrently\b", re.IGNORECASE)

_LIMITS: Final = ("SET LOCAL lock_timeout = '5s'", "SET LOCAL statement_timeout = '30s'")
_MAKE_COPY: Final = (
    "CREATE SCHEMA {copy}",
    "CREATE TABLE {copy}.users (LIKE public.users INCLUDING ALL)",
    "CREATE ROLE {copy} NOLOGIN",
    "GRANT {copy} TO CURRENT_USER",
    "GRANT SELECT ON {copy}.users TO {capture}",
    "GRANT REFERENCES ON ALL TABLES IN SCHEMA public TO {copy}",
    "ALTER SCHEMA {copy} OWNER TO {copy}",
    "ALTER TABLE {copy}.users OWNER TO {copy}",
    "SET LOCAL search_path = {copy}, public",
    "SET LOCAL ROLE {copy}",
)
_TABLE: Final[LiteralString] = """
SELECT relname, nspname, relpersistence, relreplident, relrowsecurity,
    EXISTS (SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = %s
"""
_COLUMNS: Final[LiteralString] = """
WITH RECURSIVE base AS (
    SELECT attnum, attname, attnotnull, atthasdef, atttypid AS type
    FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT attnum, attname, attnotnull OR typnotnull, atthasdef OR typdefault IS NOT NULL,
        typbasetype
    FROM base JOIN pg_type ON pg_type.oid = type WHERE typtype = 'd'
)
SELECT attname, typname, attnotnull, atthasdef, has_column_privilege(%s, %s::oid, attname, 'SELECT')
FROM base JOIN pg_type ON pg_type.oid = type WHERE typtype <> 'd' ORDER BY attnum
"""


class ColumnFacts(NamedTuple):
    """A column: its type's name (of a domain, the base type), and what a writer may leave out."""

    type: str
    not_null: bool
    has_default: bool
    is_readable: bool
    """True if the connector's role may read it."""


class TableFacts(NamedTuple):
    """Properties of a table that its capture depends on."""

    name: str
    is_moved: bool
    """True if it is in another schema than before."""
    is_logged: bool
    identity: str
    """REPLICA IDENTITY as the catalog has it: f full, d default, i an index, n nothing."""
    has_row_security: bool
    has_primary_key: bool
    columns: dict[str, ColumnFacts]


class DdlFinding(NamedTuple):
    """Effect of a change on the stream; `advice` is empty if there is nothing to do."""

    harm: bool
    what: str
    advice: str = ""


def try_ddl(
    connection: Connection, text: str, capture_role: str
) -> tuple[TableFacts, TableFacts | None]:
    """Run statements on an empty copy of `users` and roll back.

    Args:
        connection: Connection to the accounts database, as a user who may create schemas and
            roles.
        text: One or more SQL statements.
        capture_role: The connector's role.

    Returns:
        The table before and after the statements; the latter is `None` if they drop it.

    Raises:
        UserError: PostgreSQL refuses the statements, or there is no table `users`.
        StoreUnavailableError: PostgreSQL does not answer.
    """
    copy, capture = sql.Identifier(_COPY), sql.Identifier(capture_role)
    with driver_errors(), connection.transaction(force_rollback=True):
        try:
            for limit in _LIMITS:
                connection.execute(limit.encode())
            original = _oid(connection, "public.users")
            before = _facts(connection, original, capture_role)
            if before is None:
                raise UserError("there is no table users", hint="storyline migrate --only accounts")
            for statement in _MAKE_COPY:
                connection.execute(sql.SQL(statement).format(copy=copy, capture=capture))
            for statement in _like(before):
                connection.execute(statement.encode())
            tried = _oid(connection, f"{_COPY}.users")
            _run(connection, text)
            connection.execute(b"RESET ROLE")
            after = _facts(connection, tried, capture_role)
        except psycopg.errors.OperationalError:
            raise
        except psycopg.Error as error:
            raise _refusal(error) from error
    return before, after


def judge(before: TableFacts, after: TableFacts | None) -> list[DdlFinding]:
    """Return the effects of a change of the table on its capture, harmful ones first."""
    if after is None:
        return [DdlFinding(True, "users is dropped", "the stream ends with its table")]
    found = [*_of_table(before, after), *_of_columns(before, after)]
    return sorted(found, key=lambda finding: not finding.harm)


def _of_table(before: TableFacts, after: TableFacts) -> Iterator[DdlFinding]:
    if after.name != before.name or after.is_moved:
        yield DdlFinding(
            True, "users is renamed or moved", "the connector captures public.users only"
        )
    if not after.is_logged:
        yield DdlFinding(
            True, "users becomes UNLOGGED", "what is not in PostgreSQL's log is not captured"
        )
    if after.has_row_security and not before.has_row_security:
        yield DdlFinding(
            True,
            "row security is enabled",
            "the next snapshot would read no row, and every account would count as deleted; "
            "give the connector's role BYPASSRLS first",
        )
    match after.identity:
        case "n":
            yield DdlFinding(
                True,
                "REPLICA IDENTITY NOTHING",
                "PostgreSQL then refuses every UPDATE and DELETE of users",
            )
        case "d" if not after.has_primary_key:
            yield DdlFinding(
                True,
                "REPLICA IDENTITY DEFAULT without a primary key",
                "PostgreSQL then refuses every UPDATE and DELETE of users",
            )
        case identity if identity != "f" and before.identity == "f":
            yield DdlFinding(
                False,
                "changes come without the row before them",
                "nothing depends on it; go back with ALTER TABLE users REPLICA IDENTITY FULL",
            )
    if before.has_primary_key and not after.has_primary_key:
        yield DdlFinding(False, "the primary key is dropped", f"changes stay keyed by {KEY}")


def _of_columns(before: TableFacts, after: TableFacts) -> Iterator[DdlFinding]:
    yield from _clashes(after)
    for name in CAPTURED:
        was, now = before.columns.get(name), after.columns.get(name)
        if now is None:
            if was is not None:
                yield DdlFinding(
                    True,
                    f"{name} is dropped or renamed",
                    "it is null in the lake from then on, and Storyline's own writes of accounts "
                    "fail; keep the column",
                )
            continue
        allowed = _TYPES[_KINDS[name]]
        if now.type not in allowed:
            kinds = ", ".join(sorted(allowed))
            yield DdlFinding(
                True,
                f"{name} becomes {now.type}",
                f"the registry refuses the new schema and the task fails; keep one of: {kinds}",
            )
        if was is not None and was.not_null and not now.not_null:
            yield DdlFinding(
                False,
                f"{name} may be null",
                "once a change of users is captured, SET NOT NULL is refused by the registry",
            )
    unreadable = [name for name, facts in after.columns.items() if not facts.is_readable]
    if captured := [name for name in CAPTURED if name in unreadable]:
        yield DdlFinding(
            True,
            f"the connector may not read {', '.join(captured)}",
            "the next snapshot fails; grant SELECT to its role",
        )
    if added := [name for name in after.columns if name not in before.columns]:
        ours = [name for name in added if name in CAPTURED]
        others = [name for name in added if name not in CAPTURED]
        if ours:
            yield DdlFinding(False, f"{', '.join(ours)} is captured from the next change on")
        if others:
            yield DdlFinding(
                False, f"{', '.join(others)} is not captured, so its type does not matter"
            )


def _clashes(after: TableFacts) -> Iterator[DdlFinding]:
    by_lower: dict[str, list[str]] = {}
    for name in after.columns:
        by_lower.setdefault(name.lower(), []).append(name)
    for names in by_lower.values():
        if len(names) > 1:
            yield DdlFinding(
                True,
                f"columns {' and '.join(names)} differ only by case",
                "Debezium stops at the next change for good; name the column differently",
            )


def _like(before: TableFacts) -> Iterator[str]:
    """Yield the statements that give the copy the properties that LIKE leaves out."""
    identity = {"f": "FULL", "n": "NOTHING"}.get(before.identity, "DEFAULT")
    yield f"ALTER TABLE users REPLICA IDENTITY {identity}"
    if before.has_row_security:
        yield "ALTER TABLE users ENABLE ROW LEVEL SECURITY"


def _run(connection: Connection, text: str) -> None:
    own = _CONCURRENTLY.sub("", _QUALIFIED.sub("users", text))
    body = sql.SQL("BEGIN EXECUTE {}; END").format(sql.Literal(own)).as_string(connection)
    connection.execute(sql.SQL("DO {}").format(sql.Literal(body)))


def _refusal(error: psycopg.Error) -> UserError:
    reason = error.diag.message_primary or str(error)
    hint = "nothing was changed; only statements that change users can be tried: leave out the rest"
    if "transaction commands" in reason:
        hint = "nothing was changed; leave out BEGIN and COMMIT: the trial has its own transaction"
    return UserError(f"PostgreSQL refuses it: {reason}", hint=error.diag.message_hint or hint)


def _oid(connection: Connection, name: str) -> int:
    row = connection.execute("SELECT to_regclass(%s)::oid", (name,)).fetchone()
    return 0 if row is None or row[0] is None else int(row[0])


def _facts(connection: Connection, oid: int, capture_role: str) -> TableFacts | None:
    row = connection.execute(_TABLE, (oid,)).fetchone()
    if row is None:
        return None
    name, schema, persistence, identity, row_security, has_key = row
    columns = connection.execute(_COLUMNS, (oid, capture_role, oid)).fetchall()
    return TableFacts(
        name=name,
        is_moved=schema not in ("public", _COPY),
        is_logged=persistence == "p",
        identity=identity,
        has_row_security=row_security,
        has_primary_key=has_key,
        columns={column: ColumnFacts(*facts) for column, *facts in columns},
    )
