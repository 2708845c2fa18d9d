"""`storyline plan`: the memory of a network's caches, and the cost of its deliveries."""

from typing import Annotated

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, out, print_json, print_table

app = command_app()

EXAMPLES = """Examples:

\b
  storyline plan --users 1000000
  storyline plan --users 50000000 --warm 15 --following 300 --replicas 2
  storyline plan --users 1000000 --stories 1 --json | jq .policies
"""


@app.command(epilog=EXAMPLES)
def plan(
    users: Annotated[int, typer.Option(min=1, help="Users in all.")],
    warm: Annotated[float, typer.Option(min=0, max=100, help="% of them who read lately.")] = 20,
    following: Annotated[
        int, typer.Option(min=0, help="Number of authors that each user follows.")
    ] = 200,
    posts: Annotated[float, typer.Option(min=0, help="Posts of a user, a day.")] = 0.5,
    stories: Annotated[float, typer.Option(min=0, help="Stories of a user, a day.")] = 0.2,
    length: Annotated[int, typer.Option(min=1, help="Entries of a timeline.")] = 800,
    replicas: Annotated[int, typer.Option(min=1, help="Copies of the data, one included.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    """Estimate how much memory the caches of a network take, and what delivering its posts costs.

    It is computed from bytes and rates that the benchmarks measured, and asks no server. All means
    are taken for every user alike; celebrities' posts, which are pulled, are counted as pushed.
    """
    from streams.app.capacity import NetworkSize, memory, parts, policies

    network = NetworkSize(users, warm / 100, following, posts, stories, length, replicas)
    found, instead, total = parts(network), list(policies(network)), memory(network)
    if as_json:
        print_json(
            {
                "network": network._asdict(),
                "parts": [part._asdict() for part in found],
                "bytes": total,
                "policies": [policy._asdict() for policy in instead],
            }
        )
        return
    print_table(
        ("kind", "how many", "GiB"),
        ((part.kind, f"{part.number:,.0f}", _gib(part.bytes)) for part in found),
        title="memory, without replicas",
    )
    times = f", {replicas} times" if replicas > 1 else ""
    out.print(f"{_gib(total)} GiB in all{times}\n", highlight=False)
    print_table(
        ("policy", "GiB", "deliveries a second", "CPUs"),
        (
            (cost.policy, _gib(cost.bytes), f"{cost.deliveries_per_s:,.0f}", f"{cost.cpus:,.3f}")
            for cost in instead
        ),
        title="what it costs to do so",
    )


def _gib(size: float) -> str:
    return f"{size / (1 << 30):,.2f}"
