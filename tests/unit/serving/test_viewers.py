"""Pages of who viewed a story lack nobody and repeat nobody, wherever they end."""

import pytest

from streams.serving import story_viewers
from streams.sinks.memory.store import MemoryStore
from streams.views.effects import Effects, SeeContent
from streams.views.store import Views
from tests.contract.store_events import Scope

OWNER, STORY = 1, 99
SEEN = dict.fromkeys(range(10, 17), 5) | {20: 9, 21: 1}
"""Viewer -> when first: many of them at one moment."""


@pytest.mark.parametrize("limit", range(1, 10))
def test_those_of_one_moment_are_told_by_id_across_pages(limit: int) -> None:
    store = MemoryStore()
    store.apply(Effects(create_stories=[Scope(0).story(STORY, OWNER, 1)]))
    store.apply(Effects(views=[SeeContent(STORY, who, at, True) for who, at in SEEN.items()]))
    shown: list[int] = []
    after = None
    for _ in SEEN:
        page = story_viewers(Views.of(store), STORY, as_user=OWNER, after=after, limit=limit)
        shown += [viewer.user_id for viewer in page.viewers]
        after = page.next_after
        if after is None:
            break
    assert shown == [20, *range(16, 9, -1), 21]
