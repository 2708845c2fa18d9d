"""`storyline run`: workers, one process per consumer group."""

from typing import Annotated

import typer

from streams.cli.command import command_app
from streams.errors import UserError

app = command_app()


@app.command(
    epilog="Examples:  storyline run  |  storyline run posts  |  storyline run posts delivery",
)
def run(
    agents: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[AGENT]...",
            help="graph, posts, stories, engagement or delivery; all of them if none is named.",
        ),
    ] = None,
) -> None:
    """Run workers until Ctrl-C or SIGTERM; then they finish the batch in hand and commit it.

    One agent runs in this process, several in one child process each. No worker is started
    again: if one ends by itself, the others are stopped and the exit code is not 0. Workers that
    are kept running are started by `storyline up`.
    """
    from streams.app.logs import configure_logs
    from streams.app.settings import settings
    from streams.app.supervising import run_agents, this_command
    from streams.app.working import agent_names, check_servers, run_agent

    known = agent_names()
    names = list(dict.fromkeys(agents or known))
    if unknown := [name for name in names if name not in known]:
        raise UserError(
            f"there is no agent {', '.join(unknown)}",
            hint=f"the agents are: {', '.join(known)}",
            exit_code=2,
        )
    configure_logs()
    if len(names) == 1:
        run_agent(settings(), names[0])
    else:
        # Asked once here, not told by every worker.
        check_servers(settings(), names)
        run_agents(names, this_command())
