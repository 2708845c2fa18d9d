"""`storyline topics`: the broker's topics against their descriptions in avro/topics."""

from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, out, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.kafka.topics import TopicDifference

app = command_app(
    help="Compare the broker's topics with their descriptions, and create or alter them.",
    epilog="Examples:  storyline topics diff  |  storyline topics apply --json",
)

DIFFERENT = 3

APPLY_EXAMPLES = """Examples:

\b
  storyline topics apply
  storyline topics apply --replication-factor 3 --json

\b
Exit code:
  0  the topics are as described
  1  the broker failed, or a kept topic has another number of partitions
     (then nothing is changed)
"""
DIFF_EXAMPLES = """Examples:

\b
  storyline topics diff
  storyline topics diff --json

\b
Exit code:
  0  no difference
  3  there are differences
  1  the broker failed
"""


@app.command(epilog=APPLY_EXAMPLES)
def apply(
    replication_factor: Annotated[
        int, typer.Option(help="Replicas of a new topic; -1 leaves it to the broker.")
    ] = -1,
    as_json: JsonFlag = False,
) -> None:
    """Create missing topics and alter settings that differ. Other topics are left alone."""
    from streams.app.broker import topic_admin
    from streams.app.settings import settings

    differences = topic_admin(settings()).apply(replication_factor)
    _show(differences, as_json=as_json, none="nothing to do: the topics are as described")


@app.command(epilog=DIFF_EXAMPLES)
def diff(as_json: JsonFlag = False) -> None:
    """Show how the broker's topics differ from their descriptions, and change nothing."""
    from streams.app.broker import topic_admin
    from streams.app.settings import settings

    differences = topic_admin(settings()).diff()
    _show(differences, as_json=as_json, none="no difference: the topics are as described")
    if differences:
        raise typer.Exit(DIFFERENT)


def _show(differences: "Sequence[TopicDifference]", *, as_json: bool, none: str) -> None:
    if as_json:
        print_json(
            [
                {
                    "topic": difference.topic,
                    "action": difference.action,
                    "changes": [change._asdict() for change in difference.changes],
                }
                for difference in differences
            ]
        )
    elif not differences:
        out.print(none)
    else:
        rows = [
            (difference.topic, difference.action, change.setting, change.actual, change.wanted)
            for difference in differences
            for change in difference.changes
        ]
        print_table(("topic", "action", "setting", "is", "should be"), rows)
