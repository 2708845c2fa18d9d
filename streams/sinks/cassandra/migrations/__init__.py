"""Numbered CQL migrations, `NNNN_name.cql`.

Each is a list of statements that end in a semicolon at the end of a line; `--` begins a comment
line. Every statement must be repeatable (IF NOT EXISTS), because an interrupted migration runs
again from its first statement.
"""

from streams import migration_files
from streams.migration_files import Migration


def shipped() -> tuple[Migration, ...]:
    """Return the migrations of this release, in order."""
    return migration_files.shipped(__name__, "cql")
