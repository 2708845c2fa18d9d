"""Stories: the visible ones at an instant, the tray, highlights, the archive and viewers.

`now` decides visibility and nothing else; expiry needs no clean-up job.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice

from streams.contracts.ids import id_time
from streams.serving.posts import newest_first
from streams.serving.responses import (
    NotFoundError,
    Story,
    StoryPage,
    Tray,
    TrayEntry,
    Viewer,
    ViewerPage,
)
from streams.serving.visibility import viewpoint
from streams.views.rows import StoryRow, Viewing
from streams.views.store import RowReader, Views


def is_visible(row: StoryRow, now: int) -> bool:
    """Return whether the story is visible at `now` (ms).

    That is `created_at <= now < expires_at`, and not deleted.
    """
    return not row.deleted and id_time(row.story_id) <= now < row.expires_at


def author_stories(
    rows: RowReader, author: int, now: int, *, viewer: int | None = None
) -> tuple[Story, ...]:
    """Return the author's stories visible at `now` (ms), oldest first.

    A block hides them from `viewer`.
    """
    if not viewpoint(rows, viewer, mutes=False).shows(author):
        return ()
    return tuple(map(_story, _visible(rows, [author], now)))


def tray(rows: RowReader, reader: int, now: int) -> Tray:
    """Return the story tray of the reader at `now` (ms).

    Its authors are followed by the reader, have visible stories, and have neither a mute nor a
    block. Authors with unseen stories come first. Within each part the author of the newest story
    comes first.
    """
    relations = rows.relations(reader)
    authors = relations.following - relations.blocked - relations.muted
    visible = _visible(rows, [*authors, reader], now)
    seen = rows.viewed(reader, [row.story_id for row in visible])
    by_author: dict[int, list[StoryRow]] = defaultdict(list)
    for row in visible:
        by_author[row.author_id].append(row)
    entries = {
        author: TrayEntry(
            author_id=author,
            stories=len(stories),
            unseen=sum(row.story_id not in seen for row in stories),
            newest_story_id=stories[-1].story_id,
        )
        for author, stories in by_author.items()
    }
    own = entries.pop(reader, None)
    ordered = sorted(entries.values(), key=lambda e: (e.unseen == 0, -e.newest_story_id))
    return Tray(now, tuple(ordered), own)


def highlights(views: Views, author: int, *, viewer: int | None = None) -> tuple[Story, ...]:
    """Return the author's highlights, oldest story first; they never expire.

    A block hides them from `viewer`.
    """
    if not viewpoint(views.rows, viewer, mutes=False).shows(author):
        return ()
    ids = views.stories.highlights(author)
    rows = _rows(views.rows, ids, [author])
    return tuple(
        _story(row, row.highlight) for row in rows if row.highlight is not None and not row.deleted
    )


def archive(
    views: Views, owner: int, now: int, *, before: int | None = None, limit: int = 20
) -> StoryPage:
    """Return a page of the owner's stories that have ended by `now` (ms), newest first.

    Highlights have their titles. It is meant for the owner only.
    """
    ids = newest_first(lambda cursor, count: views.stories.stories_by(owner, cursor, count), before)
    found: list[StoryRow] = []
    while len(found) <= limit and (chunk := list(islice(ids, limit + 1))):
        rows = reversed(_rows(views.rows, chunk, [owner]))
        found += [row for row in rows if not row.deleted and row.expires_at <= now]
    shown = found[:limit]
    return StoryPage(
        tuple(_story(row, row.highlight) for row in shown),
        shown[-1].story_id if shown and len(found) > limit else None,
    )


def story_viewers(
    views: Views, story_id: int, *, as_user: int, after: int | None = None, limit: int = 20
) -> ViewerPage:
    """Return a page of the story's viewers, latest first view first, ties by user id descending.

    Args:
        as_user: The user who asks; only the story's creator may.
        after: Last viewer of the page before.
        limit: Maximum number of viewers.

    Raises:
        NotFoundError: The story is deleted or unknown, or `as_user` is not its creator.
    """
    row = views.rows.stories([story_id]).get(story_id)
    if row is None or row.deleted or row.author_id != as_user:
        raise NotFoundError(story_id)
    before = None
    if after is not None:
        seen_at = views.engagement.first_view(story_id, after)
        if seen_at is None:
            return ViewerPage((), None)
        before = Viewing(seen_at, after)
    found = views.engagement.latest_viewers(story_id, before, limit + 1)
    shown = found[:limit]
    likers = views.engagement.likers_among(story_id, [view.viewer_id for view in shown])
    return ViewerPage(
        tuple(Viewer(user, seen_at, user in likers) for seen_at, user in shown),
        shown[-1].viewer_id if shown and len(found) > limit else None,
    )


def _visible(reader: RowReader, authors: Sequence[int], now: int) -> list[StoryRow]:
    found = reader.current_stories(authors, now).values()
    return sorted(row for rows in found for row in rows if is_visible(row, now))


def _rows(reader: RowReader, ids: Iterable[int], authors: Iterable[int]) -> list[StoryRow]:
    """Return the stories among `ids` that are really by one of the authors, oldest first."""
    known = reader.stories(list(ids))
    by = set(authors)
    return [known[i] for i in sorted(known) if known[i].author_id in by]


def _story(row: StoryRow, title: str | None = None) -> Story:
    return Story(
        story_id=row.story_id,
        author_id=row.author_id,
        created_at=id_time(row.story_id),
        expires_at=row.expires_at,
        media_url=row.media_url,
        caption=row.caption,
        title=title,
    )
