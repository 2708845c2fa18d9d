"""Write side of the views in Cassandra."""

from collections.abc import Callable, Collection, Mapping

from streams.contracts.times import now_ms
from streams.sinks.cassandra.cells import first_event_id
from streams.sinks.cassandra.listings import Listings
from streams.sinks.cassandra.rows import index_rows, state_rows
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.tables.author_posts import AUTHOR_BUCKET, POST_MONTH
from streams.sinks.cassandra.tables.author_stories import STORY_BUCKET
from streams.sinks.cassandra.tables.content_views import UNTIMED
from streams.sinks.cassandra.tables.tag_posts import TAG_PART
from streams.sinks.cassandra.writes import write_all
from streams.views.effects import Effects
from streams.views.rows import Content

Clock = Callable[[], int]

# The write timestamp of a create encodes its event_id, so the content need not be sent.
_CREATORS = {
    Content.POST: "SELECT post_id, WRITETIME(created) FROM posts WHERE post_id IN ?",
    Content.STORY: "SELECT story_id, WRITETIME(created) FROM stories WHERE story_id IN ?",
    Content.COMMENT: "SELECT comment_id, WRITETIME(created) FROM comments WHERE comment_id IN ?",
}


class CassandraSink:
    """A ViewSink over Cassandra; safe between threads."""

    def __init__(self, session: Session, *, clock: Clock = now_ms) -> None:
        self._session = session
        self._clock = clock
        self._listings = Listings(AUTHOR_BUCKET, POST_MONTH, STORY_BUCKET, TAG_PART, UNTIMED)

    def creators(self, content: Content, ids: Collection[int]) -> Mapping[int, int]:
        found: dict[int, int] = {}
        for content_id, written in self._session.rows_in(_CREATORS[content], set(ids)):
            if written is not None:
                event_id = first_event_id(written)
                found[content_id] = min(event_id, found.get(content_id, event_id))
        return found

    def apply(self, effects: Effects) -> None:
        """Write content and pairs, then the indexes, so that no index leads to missing content.

        If a crash separates the two, redelivery repairs it, because nothing was acknowledged.
        """
        write_all(self._session, state_rows(effects))
        rows = self._listings.unwritten(index_rows(effects, self._clock()))
        write_all(self._session, rows)
        self._listings.written(rows)
