"""`storyline run`: workers, one process per consumer group."""

from typing import Annotated

import typer

from streams.cli.common.command import command_app
from streams.errors import UserError

app = command_app()

EXAMPLES = """Examples:

\b
  storyline run
  storyline run posts
  storyline run posts delivery --workers 4
  storyline run posts --instance $(hostname)
"""


@app.command(epilog=EXAMPLES)
def run(
    agents: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[AGENT]...",
            help="graph, posts, stories, engagement, delivery or lake; all if none is named.",
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            min=1, help="Processes of each agent, one per core: Kafka shares out the partitions."
        ),
    ] = 1,
    instance: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A name that no other running worker has. One that comes back under its name "
            "within the session timeout finds its partitions waiting. Default: "
            "STORYLINE_WORKER_INSTANCE.",
        ),
    ] = None,
    number: Annotated[int, typer.Option(min=0, hidden=True)] = 0,
) -> None:
    """Run workers until Ctrl-C or SIGTERM; then they finish and commit the current batch.

    One worker runs in this process, several in one child process each. No worker is started
    again: if one ends by itself, the others are stopped and the exit code is not 0. Workers that
    are kept running are started by `storyline up --workers`.
    """
    from streams.app.logs import configure_logs
    from streams.app.settings import Settings, settings
    from streams.app.workers.run import agent_names, check_servers, run_agent
    from streams.app.workers.supervise import run_all, worker_programs

    known = agent_names()
    names = list(dict.fromkeys(agents or known))
    if unknown := [name for name in names if name not in known]:
        raise UserError(
            f"there is no agent {', '.join(unknown)}",
            hint=f"the agents are: {', '.join(known)}",
            exit_code=2,
        )
    configure_logs()
    chosen = settings() if instance is None else Settings(worker_instance=instance)
    if len(names) * workers == 1:
        run_agent(chosen, names[0], number=number)
    else:
        # Checked once here, so that a missing server is one error and not one per worker.
        check_servers(chosen, names)
        run_all(worker_programs(names, workers, instance))
