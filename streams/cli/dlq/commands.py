"""`storyline dlq`: list, show, replay, discard and add dead letters."""

import logging
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, err, print_json
from streams.cli.common.progress_bar import counting_bar
from streams.cli.dlq.help import (
    ADD_EXAMPLES,
    DISCARD_EXAMPLES,
    LIST_EXAMPLES,
    REPLAY_EXAMPLES,
    SHOW_EXAMPLES,
)
from streams.cli.dlq.options import (
    Codes,
    Groups,
    Positions,
    Since,
    Topics,
    Until,
    Yes,
    dead_letter_filter,
    parse_dead_letter_position,
    parse_record_position,
    states,
)
from streams.cli.read.options import checked_text
from streams.errors import UserError

if TYPE_CHECKING:
    from streams.dlq.model import DeadLetter
    from streams.dlq.search import DeadLetterFilter

app = command_app(
    help="List, show, replay, discard and add dead letters.",
    epilog="Examples:  storyline dlq list  |  storyline dlq replay --code unknown_schema",
)

SOME_NOT = 3


@app.command("list", epilog=LIST_EXAMPLES)
def list_(
    topic: Topics = None,
    code: Codes = None,
    group: Groups = None,
    since: Since = None,
    until: Until = None,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="Only open, replayed or discarded ones."),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Dead letters to print; --json has all.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """Show dead letters: how many per topic, code and group, and each with its state."""
    from dataclasses import replace

    from streams.app.lake.refused_changes import refused_changes
    from streams.app.settings import settings
    from streams.cli.dlq.output import dead_letter_json, print_dead_letters, summary
    from streams.cli.lake.refused_output import print_refused, refused_json

    criteria = replace(
        dead_letter_filter(None, topic, code, group, since, until), states=states(state)
    )
    dead_letters, _ = _find(criteria)
    refused = refused_changes(settings())
    if as_json:
        shown = {
            "summary": summary(dead_letters),
            "letters": [dead_letter_json(item) for item in dead_letters],
        }
        print_json({**shown, "refused_changes": refused_json(refused)})
    else:
        print_dead_letters(dead_letters, limit)
        print_refused(refused)


@app.command(epilog=SHOW_EXAMPLES)
def show(
    position: Annotated[
        str,
        typer.Argument(metavar="POSITION", help="Position as listed: topic.dlq:partition:offset."),
    ],
    as_json: JsonFlag = False,
) -> None:
    """Show one dead letter whole: reason, state, headers, and its event or its bytes as base64."""
    from streams.app.dlq.operations import details
    from streams.app.settings import settings
    from streams.cli.dlq.output import dead_letter_json, print_details

    at = parse_dead_letter_position(position)
    (dead_letter,), _ = _find(dead_letter_filter([position], None, None, None, None, None))
    shown = {**details(settings(), at), "letter": dead_letter_json(dead_letter)}
    if as_json:
        print_json(shown)
    else:
        print_details(at, shown)


@app.command(epilog=REPLAY_EXAMPLES)
def replay(
    positions: Positions = None,
    topic: Topics = None,
    code: Codes = None,
    group: Groups = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Replay at most this many records, the oldest first.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also what is replayed or discarded already.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List them, and send nothing.")
    ] = False,
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """Put records that failed into their topics once more, unedited.

    Without a choice: every open dead letter. Every group that reads the topic reads the record
    again; for views that have it already it changes nothing.
    """
    from streams.app.dlq.operations import replay_dead_letters
    from streams.app.settings import settings
    from streams.cli.dlq.output import counted, topics_of
    from streams.dlq.replay import ReplayOutcome, replays

    selected, everything = _find(dead_letter_filter(positions, topic, code, group, since, until))
    plan = replays(selected, everything, again=again, limit=limit)
    outcome = ReplayOutcome(0)
    if plan and not dry_run:
        _ask(f"Replay into {topics_of(plan)}?", yes=yes)
        with counting_bar("replaying", len(plan)) as report:
            outcome = replay_dead_letters(settings(), plan, report)
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "selected": [str(item.position) for item in plan],
                "replayed": outcome.replayed,
                "gone": list(map(str, outcome.gone)),
                "refused": list(map(str, outcome.refused)),
            }
        )
    elif not plan:
        typer.echo("nothing to replay: no such dead letter is open")
    elif dry_run:
        typer.echo(f"would replay {counted(len(plan), 'record')} into {topics_of(plan)}")
        for item in plan:
            typer.echo(f"  {item.position}")
    else:
        typer.echo(f"replayed {counted(outcome.replayed, 'record')}")
        for position in outcome.gone:
            typer.echo(f"  {position} was removed before it was read")
        for position in outcome.refused:
            typer.echo(f"  {position} was refused by the broker, and stays open")
    if outcome.gone or outcome.refused:
        raise typer.Exit(SOME_NOT)


@app.command(epilog=DISCARD_EXAMPLES)
def discard(
    reason: Annotated[str, typer.Option("--why", help="The reason, kept with the decision.")],
    positions: Positions = None,
    topic: Topics = None,
    code: Codes = None,
    group: Groups = None,
    since: Since = None,
    until: Until = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List them, and record nothing.")
    ] = False,
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """Mark open dead letters as settled, with a reason; nothing is deleted."""
    from streams.app.dlq.operations import discard_dead_letters
    from streams.app.settings import settings
    from streams.cli.dlq.output import counted
    from streams.dlq.model import DeadLetterState

    checked_text("--why", reason)
    selected, _ = _find(dead_letter_filter(positions, topic, code, group, since, until))
    dead_letters = [item for item in selected if item.state is DeadLetterState.OPEN]
    if dead_letters and not dry_run:
        _ask(f"Discard {counted(len(dead_letters), 'dead letter')}?", yes=yes)
        with counting_bar("discarding", len(dead_letters)) as report:
            discard_dead_letters(settings(), dead_letters, reason, report)
    if as_json:
        found = [str(item.latest.position) for item in dead_letters]
        done = 0 if dry_run else len(dead_letters)
        print_json({"dry_run": dry_run, "selected": found, "discarded": done})
    elif not dead_letters:
        typer.echo("nothing to discard: no such dead letter is open")
    else:
        did = "would discard" if dry_run else "discarded"
        typer.echo(f"{did} {counted(len(dead_letters), 'dead letter')}")


@app.command(epilog=ADD_EXAMPLES)
def add(
    record: Annotated[
        str,
        typer.Argument(
            metavar="RECORD", help="Position as in `storyline lag`: topic:partition:offset."
        ),
    ],
    group: Annotated[
        str, typer.Option("--group", metavar="AGENT", help="The group that is not to apply it.")
    ],
    reason: Annotated[
        str, typer.Option("--reason", help="Why; kept in the dead letter. No personal data.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the record, record nothing.")
    ] = False,
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """Reject one record by hand, such as the one at which a worker waits.

    The group's worker puts the record into the dead letter topic (the lake: into its table
    quarantine) with the code operator_rejected, and goes on behind it. It looks for such decisions
    when it starts, and every few seconds while it waits.
    """
    from streams.app.dlq.record_rejection import reject, rejectable
    from streams.app.settings import settings

    if not reason.strip():
        raise UserError("--reason is empty", hint="say why; it is all that is kept", exit_code=2)
    found = rejectable(settings(), parse_record_position(record), group)
    if found.decided is None and not dry_run:
        where = "" if found.waited_at else "No running worker waits at this record. "
        _ask(f"{where}Put {found.position} into {found.target} for the group {group}?", yes=yes)
        reject(settings(), found, reason)
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "record": str(found.position),
                "group": found.group,
                "target": found.target,
                "waited_at": found.waited_at,
                "recorded": found.decided is None and not dry_run,
                "reason": reason if found.decided is None else found.decided,
            }
        )
    elif found.decided is not None:
        typer.echo(f"{found.position} is rejected already, because: {found.decided}")
    elif dry_run:
        typer.echo(f"would put {found.position} into {found.target} for the group {group}")
    else:
        typer.echo(
            f"recorded; the worker of the group {group} puts {found.position} into {found.target} "
            "within seconds if it waits there, else when it starts"
        )


def _find(criteria: "DeadLetterFilter") -> "tuple[list[DeadLetter], list[DeadLetter]]":
    from streams.app.dlq.operations import find
    from streams.app.logs import configure_logs
    from streams.app.settings import settings

    configure_logs(logging.WARNING)  # on standard error: standard output is for the answer
    with err.status("reading …") as status:
        return find(settings(), criteria, status.update)


def _ask(question: str, *, yes: bool) -> None:
    """Ask for confirmation on standard error, so that --json stays JSON."""
    if not yes:
        typer.confirm(question, abort=True, err=True)
