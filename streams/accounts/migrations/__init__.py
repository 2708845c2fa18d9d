"""Numbered SQL migrations, `NNNN_name.sql`; each runs in a transaction of its own."""

from streams import migration_files
from streams.migration_files import Migration


def shipped() -> tuple[Migration, ...]:
    """Return the migrations of this release, in order."""
    return migration_files.shipped(__name__, "sql")
