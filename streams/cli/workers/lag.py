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
    from streams.app.workers.lag import lag_report
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
    current = settings()
    report = lag_report(current, agents)
    refused = refused_changes(current) if "lake" in agents else None
    if as_json:
        print_json({**_as_json(report), "refused_changes": refused_json(refused)})
    else:
        _print(report, totals=totals)
        print_refused(refused)


def _as_json(report: "LagReport") -> dict[str, Any]:
    return {
        "lag": report.lag,
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
            for lag in report.lags
        ],
        "lake_error": report.lake_error or None,
        "waiting": [record._asdict() for record in report.waiting],
        "silent": [
            {"group": worker.group, "pid": worker.pid, "reason": worker.silent}
            for worker in report.silent
        ],
        "dead_letters": report.dead_letters,
        "workers": [
            {
                "group": worker.group,
                "pid": worker.pid,
                "topic": worker.topic,
                "consumed": worker.counters.consumed,
                "applied": worker.counters.applied,
                "duplicates": worker.counters.duplicates,
                "dead_letters": dict(worker.counters.dead_letters),
                "balanced": worker.counters.balanced,
            }
            for worker in report.counters
        ],
    }


def _print(report: "LagReport", *, totals: bool) -> None:
    title = f"Lag: {report.lag} records"
    if totals:
        left: Counter[tuple[str, str]] = Counter()
        for lag in report.lags:
            left[_agent(lag.group), lag.topic] += lag.lag
        rows = ((group, topic, count) for (group, topic), count in left.items())
        print_table(("group", "topic", "lag"), rows, title=title)
    else:
        print_table(
            ("group", "topic", "partition", "position", "log end", "lag"),
            (
                (_agent(lag.group), lag.topic, lag.partition, lag.position, lag.end, lag.lag)
                for lag in report.lags
            ),
            title=title,
        )
    if report.lake_error:
        out.print(f"The lag of the lake is that of its commits: {report.lake_error}")
    if report.waiting:
        print_waiting(report.waiting)
    if any(report.dead_letters.values()):
        print_table(
            ("topic", "records"),
            ((topic, count) for topic, count in report.dead_letters.items() if count),
            title="Dead letters",
        )
    if report.workers:
        print_table(
            ("group", "topic", "consumed", "applied", "duplicates", "dead letters", "balanced"),
            (
                *(
                    (_agent(worker.group), f"process {worker.pid} {worker.silent}", *[""] * 5)
                    for worker in report.silent
                ),
                *(
                    (
                        _agent(worker.group),
                        worker.topic,
                        worker.counters.consumed,
                        worker.counters.applied,
                        worker.counters.duplicates,
                        sum(worker.counters.dead_letters.values()),
                        "yes" if worker.counters.balanced else "in flight",
                    )
                    for worker in report.counters
                ),
            ),
            title="Running workers, since each started",
        )
    else:
        out.print("No worker is running; start them with: storyline run")
