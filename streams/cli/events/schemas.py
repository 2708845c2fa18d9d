"""`storyline schemas`: this version's schemas against releases, and into the registry."""

from typing import Annotated

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, err, out, print_json, print_table

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
  storyline schemas check --live

\b
Exit code:
  0  every released record, or registered version, can be read
  1  with --live: some registered version cannot, or the registry failed
  3  some released record cannot
"""
LIVE_ADVICE = (
    "Events written with these versions become dead letters. Give the producer a schema that this "
    "version reads (storyline schemas register has it) and delete the version at the registry, "
    "which also frees its subject if registering is refused; then: storyline dlq replay"
)


@app.command(epilog=REGISTER_EXAMPLES)
def register(as_json: JsonFlag = False) -> None:
    """Register this version's schemas, under compatibility BACKWARD_TRANSITIVE."""
    from streams.app.broker import schema_registry
    from streams.app.settings import settings
    from streams.cli.common.progress_bar import progress_bar
    from streams.contracts.catalog import schemas

    with progress_bar() as bar:
        registering = schema_registry(settings()).register()
        done = list(bar.track(registering, total=len(schemas()), description="registering"))
    if as_json:
        print_json([registered._asdict() for registered in done])
        return
    new = [registered for registered in done if registered.created]
    if new:
        print_table(("subject", "id"), [(item.subject, item.schema_id) for item in new])
    out.print(f"{len(new)} schemas registered, {len(done) - len(new)} were there already")


@app.command(epilog=CHECK_EXAMPLES)
def check(
    live: Annotated[
        bool,
        typer.Option("--live", help="Check what is registered now instead: asks the registry."),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Check that this version reads what every release wrote (BACKWARD_TRANSITIVE).

    Compares avro/v1 with avro/released; needs no server. With --live it
    compares every version under the subjects of Storyline's topics instead.
    """
    if live:
        _check_live(as_json=as_json)
        return
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


def _check_live(*, as_json: bool) -> None:
    from streams.app.broker import schema_registry
    from streams.app.settings import settings

    found = list(schema_registry(settings()).unreadable())
    if as_json:
        print_json([item._asdict() for item in found])
    elif found:
        rows = [
            (item.subject, item.version, item.schema_id, "\n".join(item.reasons)) for item in found
        ]
        print_table(("subject", "version", "id", "reasons"), rows)
    else:
        out.print("every registered version can be read")
    if found:
        err.print(LIVE_ADVICE, soft_wrap=True)
        raise typer.Exit(1)
