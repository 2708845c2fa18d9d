"""What a durable home timeline would save: beside building one, reading a stored page and what came
since.

The page is what a writer behind the deliveries would have left: the 800 newest ids of the feed as
they were some posts ago, in one row. Whoever reads it must still ask for everything that the
followed authors have posted since, and who has is known to nobody but the authors' own partitions.
Both end with the same ids, so this compares all that the durable page would change.
"""

import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from streams.app.settings import Settings
from streams.serving.feed.merge import merge_author_posts
from streams.serving.read_side import ReadSide
from streams.sinks.cassandra.months import month_of
from streams.sinks.cassandra.session import Session, connect
from streams.sinks.redis.keys import pack, unpack

LENGTH: Final = 800
_SINCE: Final = 20
"""How many posts came after the page was written."""
_TABLE: Final = "CREATE TABLE IF NOT EXISTS home_pages (reader_id bigint PRIMARY KEY, page blob)"
_WRITE: Final = "INSERT INTO home_pages (reader_id, page) VALUES (?, ?)"
_READ: Final = "SELECT page FROM home_pages WHERE reader_id = ?"
_NEWER: Final = (
    "SELECT author_id, post_id FROM posts_by_author "
    "WHERE author_id IN ? AND bucket = ? AND post_id > ?"
)


class DurablePages:
    """Pages of readers in a table of their own."""

    def __init__(self, settings: Settings, side: ReadSide) -> None:
        self._side = side
        self._session: Session = connect(
            settings.cassandra_host, settings.ports.cassandra, settings.keyspace
        )
        self._session.run(_TABLE)

    def close(self) -> None:
        self._session.close()

    def compare(self, readers: Iterable[int]) -> tuple[list[float], list[float]]:
        """Milliseconds of building each reader's timeline, and of restoring it from its page."""
        built, restored = [], []
        for reader in readers:
            authors = self._side.durable.rows.relations(reader).following | {reader}
            ids = self._build(authors)
            self._write(reader, ids[_SINCE:])
            began = time.perf_counter()
            again = self._build(authors)
            between = time.perf_counter()
            found = self._restore(reader, authors)
            ended = time.perf_counter()
            assert found == again
            built.append(1000 * (between - began))
            restored.append(1000 * (ended - between))
        return built, restored

    def _build(self, authors: frozenset[int]) -> list[int]:
        posts = merge_author_posts(self._side.durable.posts.recent_posts, authors, None, LENGTH)
        return list(islice(posts, LENGTH))

    def _write(self, reader: int, ids: Sequence[int]) -> None:
        self._session.run_all([self._session.prepared(_WRITE).bind((reader, pack(ids)))])

    def _restore(self, reader: int, authors: frozenset[int]) -> list[int]:
        ((page,),) = self._session.rows(_READ, reader)
        ids = unpack(page)
        rows = self._session.rows_in(_NEWER, authors, month_of(ids[0]), ids[0])
        return [*sorted((post for _, post in rows), reverse=True), *ids][:LENGTH]
