"""Copies of rows that move to other tables, made once the statements of a migration have run.

Copies only add rows, so an interrupted copy is made again from its start.
"""

from collections.abc import Callable, Mapping
from itertools import islice

from streams.sinks.cassandra.cells import INDEX_TIMESTAMP, decode_first_seen
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.tables.author_posts import POST_MONTH
from streams.sinks.cassandra.tables.author_stories import STORY_BUCKET
from streams.sinks.cassandra.tables.comments import COMMENTER
from streams.sinks.cassandra.tables.content_views import view_time_rows
from streams.sinks.cassandra.tables.tag_posts import tag_rows
from streams.sinks.cassandra.writes import Write, write_all
from streams.views.effects import SeeContent

Copy = Callable[[Session, Callable[[], None]], None]
"""Takes the keyspace's session, and a function to call regularly to keep the migration lock."""

_ROWS = 5_000
"""Rows copied at a time."""


def _posts_by_tag(session: Session, hold: Callable[[], None]) -> None:
    rows = session.rows("SELECT tag, post_id FROM posts_by_tag")
    while held := list(islice(rows, _ROWS)):
        hold()
        write_all(session, tag_rows(held))


def _post_months(session: Session, hold: Callable[[], None]) -> None:
    rows = session.rows("SELECT bucket FROM author_buckets")
    months: set[int] = set()
    while held := list(islice(rows, _ROWS)):
        hold()
        months.update(bucket for (bucket,) in held)
    write_all(session, (Write(POST_MONTH, (0, month, INDEX_TIMESTAMP)) for month in months))


def _story_buckets(session: Session, hold: Callable[[], None]) -> None:
    rows = session.rows("SELECT DISTINCT author_id, bucket FROM stories_by_author")
    while held := list(islice(rows, _ROWS)):
        hold()
        write_all(session, (Write(STORY_BUCKET, (*row, INDEX_TIMESTAMP)) for row in held))


def _view_times(session: Session, hold: Callable[[], None]) -> None:
    rows = session.rows("SELECT content_id, viewer_id, first_seen FROM views")
    while held := list(islice(rows, _ROWS)):
        hold()
        views = (
            SeeContent(content_id, viewer_id, decode_first_seen(cell), as_story=True)
            for content_id, viewer_id, cell in held
        )
        write_all(session, view_time_rows(views))


def _commenters(session: Session, hold: Callable[[], None]) -> None:
    rows = session.rows("SELECT content_id, user_id, comment_id FROM comments")
    while held := list(islice(rows, _ROWS)):
        hold()
        write_all(session, (Write(COMMENTER, (*row, INDEX_TIMESTAMP)) for row in held))


COPIES: Mapping[str, Copy] = {
    "0006_tag_parts": _posts_by_tag,
    "0009_post_months": _post_months,
    "0011_view_times": _view_times,
    "0012_story_buckets": _story_buckets,
    "0013_commenters": _commenters,
}
"""Title of a migration -> function that makes its copies."""
