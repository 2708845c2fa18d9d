"""Guard of users' SQL: one statement that reads the lake's tables and does nothing else.

DuckDB itself keeps to the lake's folder once a lake is opened, but within that folder it may still
write, by functions that a SELECT may call. So DuckDB parses the statement, and the guard searches
it for functions beyond those that compute.
"""

import functools
import json
from collections.abc import Iterator
from typing import Any, Final

import duckdb

from streams.errors import UserError
from streams.lakehouse.duck import Limits, connected

HINT: Final = "one SELECT, WITH, DESCRIBE, SUMMARIZE or SHOW over the lake's tables is run"
_TABLE_FUNCTIONS: Final = frozenset(
    {"range", "generate_series", "unnest", "repeat", "json_each", "json_tree"}
    | {"histogram", "histogram_values", "duckdb_columns", "duckdb_functions"}
    | {"duckdb_tables", "duckdb_types", "duckdb_views", "duckdb_settings"}
)
"""Functions that FROM may call: none of them reaches a file or runs text as SQL."""


def check(session: duckdb.DuckDBPyConnection, sql: str) -> set[str]:
    """Return the names of the tables that a statement reads.

    Raises:
        UserError: the SQL is not one statement that only reads (exit code 2), or DuckDB cannot
            parse it.
    """
    try:
        statements = session.extract_statements(sql)
    except duckdb.Error as error:
        raise sql_error(error) from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        kinds = ", ".join(statement.type.name for statement in statements) or "no statement"
        raise UserError(f"this SQL is not run: it is {kinds}", hint=HINT, exit_code=2)
    answer = session.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    tree = json.loads(answer[0]) if answer else {"error": True, "error_message": "no answer"}
    if tree["error"]:
        raise UserError(f"this SQL is not run: {tree['error_message']}", hint=HINT, exit_code=2)
    for name, in_from in _functions(tree["statements"]):
        if (in_from and name not in _TABLE_FUNCTIONS) or name in _extension_functions():
            raise UserError(f"this SQL is not run: it calls {name}", hint=HINT, exit_code=2)
    return _tables(tree["statements"])


def sql_error(error: duckdb.Error) -> UserError:
    """Return an error with DuckDB's message and, as the hint, the place in the SQL that it points
    at."""
    message, _, place = str(error).partition("\n\nLINE ")
    hint = "\n  ".join(f"LINE {place}".splitlines()) if place else None
    return UserError(" ".join(message.split()), hint=hint)


def _functions(node: Any) -> Iterator[tuple[str, bool]]:
    """Yield (name, whether FROM calls it) of each function in a parsed statement."""
    for inner in _nodes(node):
        if inner.get("type") == "TABLE_FUNCTION":
            yield inner["function"]["function_name"].lower(), True
        elif "function_name" in inner:
            yield inner["function_name"].lower(), False


def _tables(node: Any) -> set[str]:
    """Return the names in FROM that no WITH defines."""
    found: set[str] = set()
    defined: set[str] = set()
    for inner in _nodes(node):
        if inner.get("type") == "BASE_TABLE":
            found.add(inner["table_name"])
        defined |= {entry["key"] for entry in inner.get("cte_map", {}).get("map", ())}
    return found - defined


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from _nodes(inner)


@functools.cache
def _extension_functions() -> frozenset[str]:
    """Return the names of the functions that reading Delta adds; some of them write."""
    every = "SELECT DISTINCT function_name FROM duckdb_functions()"
    with duckdb.connect(":memory:") as bare, connected(Limits()) as session:
        return frozenset(name for (name,) in session.execute(every).fetchall()) - frozenset(
            name for (name,) in bare.execute(every).fetchall()
        )
