"""Statements of rows: as many values as places, and an expiry where the row has one."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, cast

import pytest

from streams.contracts.events import Tier
from streams.contracts.ids import make_id
from streams.sinks.cassandra.cells import encode_first_seen
from streams.sinks.cassandra.rows import index_rows, state_rows
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.tables.content_views import latest_viewers
from streams.sinks.cassandra.writes import Write
from streams.views.effects import (
    CreateComment,
    CreatePost,
    CreateStory,
    Effects,
    PullPost,
    Relation,
    SeeContent,
    SetLike,
    SetRelation,
    SetTier,
    Stamp,
)
from streams.views.rows import Viewing

AT = 1_767_225_600_000
EVERYTHING = Effects(
    create_posts=[CreatePost(make_id(AT), 1, 1, "t", ("a",), ("a",), (), None, None, 5, 6)],
    create_stories=[CreateStory(make_id(AT) + 1, 1, 2, "u", "c", AT + 86_400_000)],
    create_comments=[CreateComment(make_id(AT) + 2, make_id(AT), 3, 1, 4, "t", None)],
    relations=[SetRelation(relation, 1, 2, Stamp(AT, 1)) for relation in Relation],
    likes=[SetLike(1, 2, Stamp(AT, 1))],
    views=[SeeContent(1, 2, AT, True), SeeContent(3, 2, AT)],
    tiers=[SetTier(1, Stamp(AT, 1), Tier.CELEBRITY)],
    pulls=[PullPost(1, make_id(AT))],
)
EXPIRING = {"active_stories", "story_expiries", "story_expiry_hours", "tag_uses"}


def rows() -> list[Write]:
    return [*state_rows(EVERYTHING), *index_rows(EVERYTHING, AT)]


def test_each_row_has_a_value_for_each_place() -> None:
    for row in rows():
        assert len(row.values) == row.insert.cql.count("?"), row.insert.cql


def test_only_rows_that_time_makes_useless_expire() -> None:
    expiring = {row.insert.table for row in rows() if "TTL" in row.insert.cql}
    assert expiring == EXPIRING
    assert {row.insert.table for row in rows()} > EXPIRING
    assert all("USING TIMESTAMP ?" in row.insert.cql for row in rows())


class Viewers:
    """Answers what `latest_viewers` asks; remembers how often."""

    def __init__(self, views: Sequence[Viewing], first: dict[int, int]) -> None:
        self.views = sorted(views, reverse=True)
        self.first = first
        self.asked = 0

    def rows_of_all(self, questions: Iterable[tuple[str, Sequence[Any]]]) -> Any:
        self.asked += 1
        assert self.asked < 9, "asks for the same views again"
        _, (_, values) = questions
        limit = values[-1]
        before = Viewing(*values[2:4]) if len(values) > 3 else None
        below = [view for view in self.views if before is None or view < before]
        return [], [tuple(view) for view in below[:limit]]

    def rows_in(self, _cql: str, viewers: Collection[int], *_: Any) -> list[tuple[int, bytes]]:
        return [(who, encode_first_seen(self.first[who])) for who in viewers if who in self.first]


@pytest.mark.parametrize(
    ("limit", "expected", "asked"),
    [(1, [4], 1), (2, [4, 2], 2), (3, [4, 2, 1], 2), (9, [4, 2, 1], 1)],
)
def test_latest_viewers_are_asked_for_until_there_are_enough_or_no_more(
    limit: int, expected: list[int], asked: int
) -> None:
    """Viewer 3 had viewed it before: the later view does not count."""
    views = [Viewing(AT + who, who) for who in (1, 2, 3, 4)]
    session = Viewers(views, {who: AT + who for who in (1, 2, 4)} | {3: AT})
    found = latest_viewers(cast(Session, session), 5, None, limit)
    assert [view.viewer_id for view in found] == expected
    assert session.asked == asked
