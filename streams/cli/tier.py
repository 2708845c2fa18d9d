"""`storyline tier`: how an author's posts reach readers."""

from streams.cli.command import command_app
from streams.cli.output import JsonFlag, out, print_json
from streams.cli.reading import Id, WaitFor, read_side

app = command_app()


@app.command(epilog="Examples:  storyline tier 42  |  storyline tier 42 --json")
def tier(author: Id, wait_for: WaitFor = None, as_json: JsonFlag = False) -> None:
    """Show an author's tier as last decided: REGULAR, POPULAR or CELEBRITY."""
    from streams.serving import tier as read_tier

    with read_side(wait_for) as side:
        answer = read_tier(side.views, author)
    if as_json:
        print_json({"author_id": str(author), "tier": answer})
    else:
        out.print(answer, highlight=False)
