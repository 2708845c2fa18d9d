"""`storyline schemas`: this version's schemas against releases, and into the registry."""

import typer

from streams.cli.command import command_app
from streams.cli.output import JsonFlag, err, out, print_json, print_table

app = command_app(
    help="Check schemas against released versions, and register them.",
    epilog="Examples:  storyline schemas check  |  storyline schemas register --json",
)

BROKEN = 3

REGISTER_EXAMPLES = """Examples:

\b
  storyline schemas register
  storyline schemas register --json

\b
Exit code:
  0  every schema is registered
  1  the registry failed or refused a schema
"""
CHECK_EXAMPLES = """Examples:

\b
  storyline schemas check
  storyline schemas check --json

\b
Exit code:
  0  every released record can be read
  3  some cannot
"""


@app.command(epilog=REGISTER_EXAMPLES)
def register(as_json: JsonFlag = False) -> None:
    """Register this version's schemas, under compatibility BACKWARD_TRANSITIVE."""
    from rich.progress import track

    from streams.app.messaging import schema_registry
    from streams.app.settings import settings
    from streams.contracts.catalog import schemas

    registrations = track(
        schema_registry(settings()).register(),
        description="registering",
        total=len(schemas()),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )
    done = list(registrations)
    if as_json:
        print_json([registered._asdict() for registered in done])
        return
    new = [registered for registered in done if registered.created]
    if new:
        print_table(("subject", "id"), [(item.subject, item.schema_id) for item in new])
    out.print(f"{len(new)} schemas registered, {len(done) - len(new)} were there already")


@app.command(epilog=CHECK_EXAMPLES)
def check(as_json: JsonFlag = False) -> None:
    """Check that this version reads what every release wrote (BACKWARD_TRANSITIVE).

    Compares avro/v1 with avro/released; needs no server.
    """
    from streams.contracts.catalog import released, schemas
    from streams.contracts.compatibility import breaks

    found = list(breaks())
    if as_json:
        print_json([broken._asdict() for broken in found])
    elif found:
        rows = [(item.record_type, item.release, "\n".join(item.reasons)) for item in found]
        print_table(("record type", "release", "reasons"), rows)
    else:
        out.print(f"{len(schemas())} schemas read what {len(released())} release(s) wrote")
    if found:
        raise typer.Exit(BROKEN)
