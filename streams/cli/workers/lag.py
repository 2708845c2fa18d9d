"""`storyline lag`: records that the consumer groups have still to read."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, out, print_json, print_table
from streams.cli.workers.blockage_output import agent_of as _agent
from streams.cli.workers.blockage_output import print_waiting
from streams.errors import UserError

if TYPE_CHECKING:
    from streams.app.workers.lag import LagReport

app = command_app()


@app.command(
    epilog="Examples:  storyline lag  |  storyline lag --group posts --totals  |  … --json",
)
def lag(
    group: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="AGENT", help="Only this group; may be repeated."),
    ] = None,
    totals: Annotated[
        bool, typer.Option("--totals", help="One line per group and topic, not per partition.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show per group and partition how far it has read, with dead letters and counts.

    Offsets come from Kafka, and for the lake from its tables. Records that workers wait at are
    listed with the reason, and so are workers that do not answer.

    The counts are those of workers that run now, since each started: consumed = applied +
    duplicates + dead letters, while no batch is in flight.
    """
    from streams.app.lake.refused_changes import refused_changes
    from streams.app.settings import settings
    from streams.app.workers.lag import standing
    from streams.app.workers.run import agent_names
    from streams.cli.lake.refused_output import print_refused, refused_json

    known = agent_names()
    agents = list(dict.fromkeys(group or known))
    if unknown := [name for name in agents if name not in known]:
        raise UserError(
            f"there is no group {', '.join(unknown)}",
            hint=f"the groups are: {', '.join(known)}",
            exit_code=2,
        )
    found = settings()
    told = standing(found, agents)
    refused = refused_changes(found) if "lake" in agents else None
    if as_json:
        print_json({**_as_json(told), "refused_changes": refused_json(refused)})
    else:
        _print(told, totals=totals)
        print_refused(refused)


def _as_json(told: "LagReport") -> dict[str, Any]:
    return {
        "lag": told.lag,
        "partitions": [
            {
                "group": lag.group,
                "topic": lag.topic,
                "partition": lag.partition,
                "committed": lag.committed,
                "position": lag.position,
                "end": lag.end,
                "lag": lag.lag,
            }
            for lag in told.lags
        ],
        "lake_error": told.lake_error or None,
        "waiting": [record._asdict() for record in told.waiting],
        "silent": [
            {"group": worker.group, "pid": worker.pid, "reason": worker.silent}
            for worker in told.silent
        ],
        "dead_letters": told.dead_letters,
        "workers": [
            {
                "group": worker.group,
                "pid": worker.pid,
                "topic": worker.topic,
                "consumed": worker.tally.consumed,
                "applied": worker.tally.applied,
                "duplicates": worker.tally.duplicates,
                "dead_letters": dict(worker.tally.dead_letters),
                "balanced": worker.tally.balanced,
            }
            for worker in told.tallies
        ],
    }


def _print(told: "LagReport", *, totals: bool) -> None:
    title = f"Lag: {told.lag} records"
    if totals:
        left: Counter[tuple[str, str]] = Counter()
        for lag in told.lags:
            left[_agent(lag.group), lag.topic] += lag.lag
        rows = ((group, topic, count) for (group, topic), count in left.items())
        print_table(("group", "topic", "lag"), rows, title=title)
    else:
        print_table(
            ("group", "topic", "partition", "position", "log end", "lag"),
            (
                (_agent(lag.group), lag.topic, lag.partition, lag.position, lag.end, lag.lag)
                for lag in told.lags
            ),
            title=title,
        )
    if told.lake_error:
        out.print(f"The lag of the lake is that of its commits: {told.lake_error}")
    if told.waiting:
        print_waiting(told.waiting)
    if any(told.dead_letters.values()):
        print_table(
            ("topic", "records"),
            ((topic, count) for topic, count in told.dead_letters.items() if count),
            title="Dead letters",
        )
    if told.workers:
        print_table(
            ("group", "topic", "consumed", "applied", "duplicates", "dead letters", "balanced"),
            (
                *(
                    (_agent(worker.group), f"process {worker.pid} {worker.silent}", *[""] * 5)
                    for worker in told.silent
                ),
                *(
                    (
                        _agent(worker.group),
                        worker.topic,
                        worker.tally.consumed,
                        worker.tally.applied,
                        worker.tally.duplicates,
                        sum(worker.tally.dead_letters.values()),
                        "yes" if worker.tally.balanced else "in flight",
                    )
                    for worker in told.tallies
                ),
            ),
            title="Running workers, since each started",
        )
    else:
        out.print("No worker is running; start them with: storyline run")
