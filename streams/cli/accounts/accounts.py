"""`storyline accounts`: account changes from the shell."""

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.common.command import command_app
from streams.cli.common.files import open_input
from streams.cli.common.output import JsonFlag, out, print_json, print_table
from streams.cli.common.progress_bar import line_bar

if TYPE_CHECKING:
    from streams.app.accounts.apply_lines import ApplyOutcome

app = command_app(
    help="Change accounts, and check them.",
    epilog="Examples:  storyline accounts apply changes.jsonl  |  storyline accounts check",
)

SOME_REFUSED = 3
SOME_BROKEN = 3

EXAMPLES = """Examples:

\b
  storyline accounts apply accounts.jsonl
  storyline accounts apply accounts.jsonl --json
  echo '{"type":"Moved","user_id":"42","country":"IS"}' |
    storyline accounts apply -
  storyline generate --accounts - --out week.jsonl |
    storyline accounts apply -

\b
A line is one change: SignedUp, Renamed, Moved, PrivacySet, AudienceCounted or
AccountDeleted of "user_id" at "at" (now, if left out). Further fields:
  Renamed          handle, display_name
  Moved            country
  PrivacySet       is_private
  AudienceCounted  follower_count, audience_tier (regular, popular or
                   celebrity)
  SignedUp         handle, display_name, email, password_hash, country; and
                   optionally is_private, account_type (personal, creator or
                   business), verified, audience_tier, follower_count

\b
A thousand lines are one transaction: where one of them is wrong, none of them
is applied, and nothing after them is read. Applying a file again is harmless:
a change that is not later than the account's last one has nothing to do.

\b
Exit code:
  0  every line was applied, or had nothing to do
  3  a line was refused; the summary says how far it came
  1  the file or the database failed
  2  wrong usage
"""


CHECK_EXAMPLES = """Examples:

\b
  storyline accounts check
  storyline accounts check --json | jq -r '.[].user_id'

\b
Exit code:
  0  no account breaks a rule
  3  some do
  1  the database failed
"""


@app.command(epilog=EXAMPLES)
def apply(
    file: Annotated[str, typer.Argument(help="JSON lines; - reads standard input.")],
    as_json: JsonFlag = False,
) -> None:
    """Apply account changes to PostgreSQL in order, one JSON object a line."""
    from streams.app.accounts.apply_lines import apply_lines
    from streams.app.accounts.database import accounts_store
    from streams.app.events.json_lines import lines_of
    from streams.app.settings import settings

    with ExitStack() as closing:
        stream, size = open_input(file, closing)
        store = closing.enter_context(accounts_store(settings()))
        done = closing.enter_context(line_bar("applying", size))
        outcome = apply_lines(lines_of(stream), store.apply, done=done)
    name = "standard input" if file == "-" else file
    for refusal in outcome.refused:
        sys.stderr.write(f"{name}:{refusal.line}: {refusal.message}\n")
    _summary(outcome, as_json=as_json)
    if outcome.refused:
        raise typer.Exit(SOME_REFUSED)


@app.command(epilog=CHECK_EXAMPLES)
def check(as_json: JsonFlag = False) -> None:
    """List accounts that break a rule which was added after them; nothing is changed.

    Such a row stays as it is, and PostgreSQL refuses every change of it that leaves it so.
    """
    from streams.accounts.rule_breaks import rule_breaks
    from streams.app.accounts.database import accounts_connection
    from streams.app.settings import settings

    with accounts_connection(settings()) as connection:
        found = rule_breaks(connection)
    if as_json:
        print_json(
            [
                {"user_id": str(broken.user_id), "rule": broken.rule, "condition": broken.condition}
                for broken in found
            ]
        )
    elif found:
        rows = [(broken.user_id, broken.rule, broken.condition) for broken in found]
        print_table(("account", "rule", "condition"), rows)
    else:
        out.print("every account keeps every rule")
    if found:
        raise typer.Exit(SOME_BROKEN)


def _summary(outcome: "ApplyOutcome", *, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(outcome))
        return
    types = ", ".join(f"{count:,} {name}" for name, count in outcome.types.most_common())
    parts = [f"read {outcome.types.total():,} changes" + (f" ({types})" if types else "")]
    parts.append(f"{outcome.changed:,} applied")
    if outcome.skipped:
        parts.append(f"{outcome.skipped:,} had nothing to do (no such account, or changed later)")
    if outcome.refused:
        parts.append(f"stopped at a batch with {len(outcome.refused):,} bad lines")
        parts.append(f"{outcome.held:,} others of it were not applied either")
    out.print("; ".join(parts), markup=False, highlight=False, soft_wrap=True)


def _as_json(outcome: "ApplyOutcome") -> dict[str, Any]:
    return {
        "applied": outcome.changed,
        "skipped": outcome.skipped,
        "types": dict(sorted(outcome.types.items())),
        "refused": [refusal._asdict() for refusal in outcome.refused],
        "held": outcome.held,
    }
