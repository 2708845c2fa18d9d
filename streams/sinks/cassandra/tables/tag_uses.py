"""Recent uses of tags by authors."""

from collections.abc import Iterable, Iterator
from typing import Final

from streams.contracts.ids import id_time, last_id_at
from streams.contracts.times import HOUR_MS
from streams.sinks.cassandra.cells import USE_PARTS, use_part
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.writes import Insert, Write
from streams.views.effects import CreatePost, EditPost
from streams.views.rows import TagUse

KEPT_MS: Final = 49 * HOUR_MS
"""Milliseconds after a post was made for which its tags are kept: two days and some slack."""
_USE = Insert("tag_uses", ("hour", "part"), ("tag", "author_id", "post_id"), expires=True)
_USES: Final = "SELECT tag, author_id, post_id FROM tag_uses WHERE hour = ? AND part IN ?"


def use_rows(posts: Iterable[CreatePost | EditPost], now_ms: int) -> Iterator[Write]:
    """Yield a row for each tag of each post, except posts made over `KEPT_MS` before or after now.

    Rows are written with the post's time, so that whole windows can be dropped.
    """
    for post in posts:
        made = id_time(post.post_id)
        left_ms = made + KEPT_MS - now_ms
        if not 0 < left_ms <= 2 * KEPT_MS:
            continue
        for tag in post.tags:
            part = use_part(post.author_id)
            key = (made // HOUR_MS, part, tag, post.author_id, post.post_id)
            yield Write(_USE, (*key, made * 1000, -(-left_ms // 1000)))


def uses_between(session: Session, since: int, until: int, now_ms: int) -> Iterator[TagUse]:
    """Return the uses of tags by posts made in (since, until] (ms), with one query per hour.

    Raises:
        ValueError: Some of the uses are not kept any more at `now_ms`.
    """
    if since < now_ms - KEPT_MS:
        raise ValueError("uses of tags are kept for two days")
    return _between(session, since, until)


def _between(session: Session, since: int, until: int) -> Iterator[TagUse]:
    first, last = last_id_at(since) + 1, last_id_at(until)
    hours = range(since // HOUR_MS, until // HOUR_MS + 1)
    for rows in session.rows_of_all((_USES, (hour, list(range(USE_PARTS)))) for hour in hours):
        for row in rows:
            use = TagUse(*row)
            if first <= use.post_id <= last:
                yield use
