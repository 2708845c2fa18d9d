"""`storyline graph` and `tier`: a user's follows, and the way of the user's posts to followers."""

from streams.cli.common.command import command_app
from streams.cli.common.output import JsonFlag, out, print_json, print_table
from streams.cli.read.options import After, Id, Limit, WaitFor, read_side

app = command_app()


@app.command(epilog="Examples:  storyline graph 42  |  storyline graph 42 --limit 100 --after 99")
def graph(
    user: Id,
    limit: Limit = 20,
    after: After = None,
    wait_for: WaitFor = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how many follow a user and are followed, and the first of them by id."""
    from streams.serving import graph as read_graph
    from streams.serving.responses import to_json

    with read_side(wait_for) as side:
        answer = read_graph(side.views.graph, user, after=after or 0, limit=limit)
    if as_json:
        print_json(to_json(answer))
        return
    print_table(
        ("", "count", "first by id"),
        [
            ("followers", answer.follower_count, " ".join(map(str, answer.followers))),
            ("following", answer.following_count, " ".join(map(str, answer.following))),
        ],
        title=f"graph of {user}",
    )


@app.command(epilog="Examples:  storyline tier 42  |  storyline tier 42 --json")
def tier(author: Id, wait_for: WaitFor = None, as_json: JsonFlag = False) -> None:
    """Show an author's tier as last decided: REGULAR, POPULAR or CELEBRITY."""
    from streams.serving import tier as read_tier

    with read_side(wait_for) as side:
        answer = read_tier(side.views.tiers, author)
    if as_json:
        print_json({"author_id": str(author), "tier": answer})
    else:
        out.print(answer, highlight=False)
