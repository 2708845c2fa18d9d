"""Which stories trays ask a store for: those of the last day, of the author who is asked about."""

from collections.abc import Collection, Mapping, Sequence
from typing import cast

from streams.views.rows import StoryRow
from streams.views.store import ViewReader, Views
from streams.views.visible_stories import current_stories

NOW, DAY_MS = 1_767_225_600_000, 86_400_000


def row(story: int, author: int) -> StoryRow:
    return StoryRow(story, author, "u", "c", NOW + 1, None, False)


class Stories:
    """An index of stories by author, and rows of some of them."""

    def __init__(self, index: Mapping[int, Sequence[int]], *rows: StoryRow) -> None:
        self.index = index
        self.rows = {one.story_id: one for one in rows}
        self.asked: tuple[object, ...] = ()

    def author_stories(
        self, authors: Collection[int], since: int, until: int, now: int
    ) -> Mapping[int, Sequence[int]]:
        self.asked = (tuple(authors), since, until, now)
        return self.index

    def stories(self, ids: Collection[int]) -> Mapping[int, StoryRow]:
        return {one: self.rows[one] for one in ids if one in self.rows}


def test_stories_are_asked_for_from_a_day_before_on() -> None:
    views = Stories({})
    assert current_stories(Views.of(cast(ViewReader, views)), [1, 2], NOW, NOW + 5) == {}
    assert views.asked == ((1, 2), NOW - DAY_MS, NOW + 5, NOW)


def test_story_without_a_row_or_of_another_author_is_left_out() -> None:
    views = Stories({1: [10, 11, 12], 2: []}, row(12, 1), row(10, 1), row(11, 2))
    found = current_stories(Views.of(cast(ViewReader, views)), [1, 2], NOW, NOW)
    assert {who: [one.story_id for one in rows] for who, rows in found.items()} == {
        1: [10, 12],
        2: [],
    }
