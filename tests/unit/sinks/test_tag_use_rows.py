"""Uses of tags: which rows are written for how long, and which of a window are read."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import pytest

from streams.contracts.ids import make_id
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.tables.tag_uses import KEPT_MS, use_rows, uses_between
from streams.views.effects import CreatePost

HOUR_MS = 3_600_000
NOW = 1_767_225_600_000


def post(at: int, *tags: str) -> CreatePost:
    return CreatePost(make_id(at), 7, 1, "t", tags, tags, (), None, None, None, None)


class Hours:
    """Rows by hour; remembers which hours were asked for."""

    def __init__(self, *at: int) -> None:
        self.rows = [(made // HOUR_MS, ("tag", 7, make_id(made))) for made in at]
        self.asked: list[int] = []

    def rows_of_all(self, questions: Iterable[tuple[str, Sequence[Any]]]) -> Iterator[Any]:
        for _, (hour, _parts) in questions:
            self.asked.append(hour)
            yield [row for of, row in self.rows if of == hour]


def test_uses_of_a_window_are_those_after_its_begin_up_to_its_end() -> None:
    since, until = NOW - 2 * HOUR_MS, NOW
    inside = (since + 1, NOW - HOUR_MS, NOW)
    session = Hours(since - 1, since, *inside, NOW + 1)
    found = uses_between(cast(Session, session), since, until, NOW)
    assert [use.post_id for use in found] == [make_id(at) for at in inside]
    assert session.asked == [since // HOUR_MS, since // HOUR_MS + 1, NOW // HOUR_MS]


def test_window_that_is_not_kept_any_more_is_refused() -> None:
    session = cast(Session, Hours())
    assert list(uses_between(session, NOW - KEPT_MS, NOW, NOW)) == []
    with pytest.raises(ValueError, match="two days"):
        uses_between(session, NOW - KEPT_MS - 1, NOW, NOW)


@pytest.mark.parametrize(
    ("age_ms", "seconds"),
    [
        (0, KEPT_MS // 1000),
        (KEPT_MS - 1, 1),
        (KEPT_MS - 1000, 1),
        (KEPT_MS, None),
        (-KEPT_MS, 2 * KEPT_MS // 1000),
        (-KEPT_MS - 1, None),
    ],
)
def test_row_lives_until_its_window_is_over(age_ms: int, seconds: int | None) -> None:
    rows = list(use_rows([post(NOW - age_ms, "a", "b")], NOW))
    assert [row.values[2] for row in rows] == ([] if seconds is None else ["a", "b"])
    for row in rows:
        *key, written_us, ttl_s = row.values
        assert (key[0], key[3]) == ((NOW - age_ms) // HOUR_MS, 7)
        assert (written_us, ttl_s) == ((NOW - age_ms) * 1000, seconds)


def test_old_post_between_others_is_left_out_alone() -> None:
    rows = use_rows([post(NOW, "a"), post(NOW - KEPT_MS, "b"), post(NOW, "c")], NOW)
    assert [row.values[2] for row in rows] == ["a", "c"]
