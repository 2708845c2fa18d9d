"""Stories that may be visible at an instant."""

from collections.abc import Collection, Mapping, Sequence

from streams.contracts.times import DAY_MS
from streams.views.rows import StoryRow
from streams.views.store import Views


def current_stories(
    views: Views, authors: Collection[int], now: int, until: int
) -> Mapping[int, Sequence[StoryRow]]:
    """Return by author the rows of the author's own stories that may be visible, oldest first.

    They may be visible at some instant from `now` to `until` (ms). A store may leave out stories
    that expired before `now`.
    """
    index = views.stories.author_stories(authors, now - DAY_MS, until, now)
    known = views.rows.stories([story for found in index.values() for story in found])
    return {
        author: [known[i] for i in found if i in known and known[i].author_id == author]
        for author, found in index.items()
    }
