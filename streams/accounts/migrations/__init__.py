"""Numbered SQL migrations, `NNNN_name.sql`; each is run in a transaction of its own."""

from streams import migration_files
from streams.migration_files import Migration


def shipped() -> tuple[Migration, ...]:
    """The migrations of this release, in order."""
    return migration_files.shipped(__name__, "sql")
