"""The order in which rows reach Cassandra, and what a failed write leaves to be written again."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import pytest

from streams.contracts.ids import make_id
from streams.errors import StoreUnavailableError
from streams.sinks.cassandra import writes
from streams.sinks.cassandra.cells import first_timestamp
from streams.sinks.cassandra.listings import Listings
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.sink import CassandraSink
from streams.sinks.cassandra.tables.author_posts import AUTHOR_BUCKET, POST_MONTH
from streams.sinks.cassandra.tables.author_stories import STORY_BUCKET
from streams.sinks.cassandra.writes import Write
from streams.views.effects import CreatePost, CreateStory, Effects
from streams.views.rows import Content

AUTHOR = 7
AT = 1_767_225_600_000
CONTENT_TABLES = {"posts", "stories"}
LISTED = {"author_buckets", "post_months", "story_buckets"}


class Bound:
    """A prepared statement of one table."""

    def __init__(self, cql: str) -> None:
        self.query_string = cql

    def bind(self, _values: object) -> str:
        return self.query_string.split()[2]


class RecordingSession:
    """Takes the batches that the sink sends; the call number `fails_at` finds no server."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.calls: list[set[str]] = []
        self.fails_at = fails_at

    def prepared(self, cql: str) -> Bound:
        return Bound(cql)

    def run_all(self, statements: Iterable[Any]) -> None:
        tables = {table for statement in statements for table in _tables(statement)}
        if len(self.calls) == self.fails_at:
            self.fails_at = None
            raise StoreUnavailableError("no host available")
        self.calls.append(tables)

    @property
    def durable(self) -> set[str]:
        return {table for call in self.calls for table in call}


def _tables(statement: Any) -> Sequence[str]:
    return (statement,) if isinstance(statement, str) else cast(Batch, statement).tables


class Batch:
    """A batch that remembers its tables instead of encoding rows for a cluster."""

    def __init__(self, _kind: object) -> None:
        self.tables: list[str] = []

    def add(self, statement: Bound, values: object) -> None:
        self.tables.append(statement.bind(values))


@pytest.fixture(autouse=True)
def _batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writes, "BatchStatement", Batch)


def sink(session: RecordingSession) -> CassandraSink:
    return CassandraSink(cast(Session, session), clock=lambda: AT)


def created(number: int) -> Effects:
    """A post and a story of one author and month."""
    post_id, story_id = make_id(AT) + 2 * number, make_id(AT) + 2 * number + 1
    return Effects(
        create_posts=[
            CreatePost(post_id, AUTHOR, number, "text", (), (), (), None, None, None, None)
        ],
        create_stories=[CreateStory(story_id, AUTHOR, number, "u", "c", AT + 86_400_000)],
    )


def test_content_is_durable_before_any_index_row_is_sent() -> None:
    session = RecordingSession()
    sink(session).apply(created(1))
    content, index = session.calls
    assert content == CONTENT_TABLES
    assert index > LISTED
    assert not index & CONTENT_TABLES


def test_failed_content_write_leaves_no_index_row() -> None:
    session = RecordingSession(fails_at=0)
    with pytest.raises(StoreUnavailableError):
        sink(session).apply(created(1))
    assert session.durable == set()


def test_listing_rows_whose_write_failed_are_written_by_the_retry() -> None:
    session = RecordingSession(fails_at=1)
    views = sink(session)
    with pytest.raises(StoreUnavailableError):
        views.apply(created(1))
    assert not session.durable & LISTED
    views.apply(created(1))
    assert session.durable >= LISTED


def test_durable_listing_rows_are_not_written_again() -> None:
    session = RecordingSession()
    views = sink(session)
    views.apply(created(1))
    session.calls.clear()
    views.apply(created(2))
    assert not session.durable & LISTED
    assert {"posts_by_author", "stories_by_author"} <= session.durable


def test_another_author_or_month_has_listing_rows_of_its_own() -> None:
    session = RecordingSession()
    views = sink(session)
    views.apply(created(1))
    session.calls.clear()
    other = created(2)
    other.create_posts[0] = other.create_posts[0]._replace(author_id=AUTHOR + 1)
    views.apply(other)
    assert session.durable & LISTED == {"author_buckets"}


def test_listings_know_rows_by_table_and_values() -> None:
    listings = Listings(AUTHOR_BUCKET, POST_MONTH)
    author, month = Write(AUTHOR_BUCKET, (1, 202601, 5)), Write(POST_MONTH, (1, 202601, 5))
    story = Write(STORY_BUCKET, (1, 202601, 5))
    listings.written([author, story])
    assert listings.unwritten([author, month, story]) == [month, story], "stories are no listing"


def test_creator_of_an_id_is_the_smallest_event_among_its_rows() -> None:
    """Two rows of one id differ in the author: two creates took the id."""

    class Rows(RecordingSession):
        def rows_in(self, _cql: str, ids: object) -> list[tuple[int, int | None]]:
            assert ids == {1, 2, 3, 4}, "each id is looked up once"
            taken = [(1, first_timestamp(9)), (1, first_timestamp(5)), (3, first_timestamp(4))]
            return [*taken, (3, first_timestamp(8)), (2, None)]

    assert sink(Rows()).creators(Content.POST, [1, 2, 3, 1, 4]) == {1: 5, 3: 4}
