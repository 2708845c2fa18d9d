"""`storyline migrate`: the Cassandra keyspace, brought up to date."""

from streams.cli.command import command_app
from streams.cli.output import JsonFlag, err, print_json, print_table

app = command_app()

EXAMPLES = """Examples:

\b
  storyline migrate
  storyline migrate --json | jq -r '.applied[]'
  STORYLINE_VIEWS_VERSION=v2 storyline migrate
"""


@app.command(epilog=EXAMPLES)
def migrate(as_json: JsonFlag = False) -> None:
    """Create the keyspace of the views and apply the migrations that it lacks.

    Safe to repeat, to interrupt, and to run twice at once: the second waits for the first.
    """
    from streams.app.migrating import migrate_views
    from streams.app.settings import settings

    found = settings()
    with err.status("connecting to Cassandra …") as status:
        done = migrate_views(found, lambda title: status.update(f"applying {title} …"))
    if as_json:
        print_json({"keyspace": found.keyspace, "applied": done.applied, "already": done.already})
        return
    rows = [(title, "already there") for title in done.already]
    rows += [(title, "applied now") for title in done.applied]
    print_table(("migration", found.keyspace), rows)
