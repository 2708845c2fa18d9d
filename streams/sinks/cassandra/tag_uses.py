"""Who used which tags lately."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from streams.contracts.ids import id_time, last_id_at
from streams.projections.effects import CreatePost, EditPost
from streams.projections.ports import TagUse
from streams.sinks.cassandra.cells import HOUR_MS
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.writes import Insert, Write

KEPT_MS: Final = 48 * HOUR_MS
"""How long after a post was made it is told that it bore a tag."""
PARTS: Final = 16
_USE = Insert("tag_uses", ("hour", "part"), ("tag", "author_id", "post_id"), expires=True)
_USES: Final = "SELECT tag, author_id, post_id FROM tag_uses WHERE hour = ? AND part IN ?"


def use_rows(posts: Iterable[CreatePost | EditPost], now_ms: int) -> Iterator[Write]:
    """The rows of tags that posts bear; none for posts that are too old for them.

    Written with the post's time, so that whole windows can be dropped.
    """
    for post in posts:
        made = id_time(post.post_id)
        left_ms = made + KEPT_MS - now_ms
        if not 0 < left_ms <= 2 * KEPT_MS:
            continue
        for tag in post.tags:
            key = (made // HOUR_MS, tag_part(tag), tag, post.author_id, post.post_id)
            yield Write(_USE, (*key, made * 1000, -(-left_ms // 1000)))


def uses_between(session: Session, since: int, until: int) -> Iterator[TagUse]:
    """Of posts made in (since, until] (ms), as far as they are kept: an hour is one question."""
    first, last = last_id_at(since) + 1, last_id_at(until)
    hours = range(since // HOUR_MS, until // HOUR_MS + 1)
    for rows in session.rows_of_all((_USES, (hour, list(range(PARTS)))) for hour in hours):
        for row in rows:
            use = TagUse(*row)
            if first <= use.post_id <= last:
                yield use


def tag_part(tag: str) -> int:
    """Which of an hour's 16 parts holds the tag. Never to be changed."""
    return zlib.crc32(tag.encode()) % PARTS
