"""`storyline migrate`: migrations of Cassandra's keyspace and the accounts database."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, err, print_json, print_table

if TYPE_CHECKING:
    from streams.migration_files import Migrated

app = command_app()

EXAMPLES = """Examples:

\b
  storyline migrate
  storyline migrate --only accounts
  storyline migrate --json | jq -r '.applied[]'
  STORYLINE_VIEWS_VERSION=v2 storyline migrate --only views
"""


class Database(StrEnum):
    """Part of the stack that has migrations."""

    VIEWS = "views"
    ACCOUNTS = "accounts"


@app.command(epilog=EXAMPLES)
def migrate(
    only: Annotated[
        Database | None, typer.Option(help="The views in Cassandra, or the accounts in PostgreSQL.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Create the keyspace of the views and the accounts database, and migrate both.

    Safe to repeat, to interrupt, and to run twice at once: the second waits for the first.
    """
    from streams.app.accounts.database import migrate_accounts
    from streams.app.migrate import migrate_views
    from streams.app.settings import settings

    found = settings()
    steps = {
        Database.VIEWS: (found.keyspace, migrate_views),
        Database.ACCOUNTS: (found.accounts.database, migrate_accounts),
    }
    done: dict[Database, tuple[str, Migrated]] = {}
    for part in (only,) if only else steps:
        name, bring_up_to_date = steps[part]
        with err.status(f"connecting to {part} …") as status:
            done[part] = (
                name,
                bring_up_to_date(found, lambda title: status.update(f"applying {title} …")),
            )
    if as_json:
        print_json(_as_json(done))
        return
    for name, migrated in done.values():
        rows = [(title, "already there") for title in migrated.already]
        rows += [(title, "applied now") for title in migrated.applied]
        print_table(("migration", name), rows)


def _as_json(done: "dict[Database, tuple[str, Migrated]]") -> dict[str, object]:
    """Return the name of each migrated database under its kind, and the titles of all migrations:
    `applied` now, and `already` applied before."""
    names = {Database.VIEWS: "keyspace", Database.ACCOUNTS: "database"}
    return {
        **{names[part]: name for part, (name, _) in done.items()},
        "applied": [title for _, migrated in done.values() for title in migrated.applied],
        "already": [title for _, migrated in done.values() for title in migrated.already],
    }
