"""Numbered CQL migrations, `NNNN_name.cql`.

Each is a list of statements that end in a semicolon at the end of a line; `--` begins a comment
line. Every statement must be one that can be repeated (IF NOT EXISTS), because a migration that
was interrupted is run again from its first statement.
"""

from streams import migration_files
from streams.migration_files import Migration


def shipped() -> tuple[Migration, ...]:
    """The migrations of this release, in order."""
    return migration_files.shipped(__name__, "cql")
