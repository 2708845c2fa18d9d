"""How stories are printed."""

from typing import TYPE_CHECKING

from streams.cli.output import print_json, print_table
from streams.cli.reading import when

if TYPE_CHECKING:
    from streams.serving.answers import Story


def print_stories(stories: "tuple[Story, ...]", *, as_json: bool, title: str) -> None:
    """Print stories as a table or as JSON."""
    from streams.serving.answers import to_json

    if as_json:
        print_json(to_json(stories))
        return
    print_table(
        ("story", "created (UTC)", "expires (UTC)", "title", "caption"),
        ((s.story_id, when(s.created_at), when(s.expires_at), s.title, s.caption) for s in stories),
        title=title,
    )
