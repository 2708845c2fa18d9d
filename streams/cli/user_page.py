"""How pages of users are printed."""

from typing import TYPE_CHECKING

from streams.cli.output import err, print_json, print_table

if TYPE_CHECKING:
    from streams.serving.answers import UserPage


def print_users(page: "UserPage", *, as_json: bool, title: str) -> None:
    """Print a page as a table, and how to go on; or as JSON."""
    from streams.serving.answers import to_json

    if as_json:
        print_json(to_json(page))
        return
    print_table(("user",), ((user,) for user in page.users), title=title)
    if page.next_after is not None:
        err.print(f"more with --after {page.next_after}", style="dim", highlight=False)
