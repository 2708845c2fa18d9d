"""Cached stories, and cached views of them, change no answer: not at any time, nor while stories
are made, taken over, deleted and viewed."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.caching.invalidating_sink import InvalidatingSink
from streams.caching.read_through import ReadThroughRows
from streams.caching.read_through_stories import STORIES_AHEAD_MS, STORIES_BACK_MS
from streams.contracts.ids import make_id
from streams.sinks.memory.store import MemoryStore
from streams.views.store import Views
from tests.oracle.validity import Event
from tests.oracle.views import Oracle
from tests.strategies import DAY, HOUR, START
from tests.support.feed_events import feed
from tests.support.memory_side import memory_row_caches
from tests.support.profiles import scaled
from tests.support.served_answers import Served

READER, AUTHORS = 1, (2, 3)
WALL = START + 30 * HOUR
MINUTE = 60_000
STORIES = {
    make_id(WALL + offset): WALL + offset for offset in (-DAY, 5 * MINUTE - DAY, -HOUR, 0, MINUTE)
}
"""Story -> when it is made (ms)."""
NEAR = (-1, 1, MINUTE, 5 * MINUTE, STORIES_AHEAD_MS, -STORIES_BACK_MS)
"""Of copies, if there are any."""
FAR = (HOUR, -HOUR, DAY, -STORIES_BACK_MS - 1, STORIES_AHEAD_MS + 1)
SHORT = 2 * MINUTE


def created(story: int, author: int, event_id: int, lives: int) -> Event:
    return {
        "type": "StoryCreated",
        "event_id": event_id,
        "occurred_at": STORIES[story],
        "author_id": author,
        "story_id": story,
        "media_url": "",
        "caption": f"by {author}",
        "expires_at": STORIES[story] + lives,
    }


def deleted(story: int, author: int, event_id: int) -> Event:
    event = {"type": "StoryDeleted", "event_id": event_id, "occurred_at": WALL}
    return event | {"author_id": author, "story_id": story}


def viewed(story: int, owner: int, kind: str, event_id: int) -> Event:
    return {
        "type": "ContentViewed",
        "event_id": event_id,
        "occurred_at": WALL,
        "user_id": READER,
        "content_kind": kind,
        "content_id": story,
        "owner_id": owner,
        "surface": "PROFILE",
        "dwell_ms": 1,
    }


def follow(author: int) -> Event:
    event = {"type": "UserFollowed", "event_id": author, "occurred_at": START}
    return event | {"follower_id": READER, "followee_id": author}


stories, authors, event_ids = (
    st.sampled_from(tuple(STORIES)),
    st.sampled_from(AUTHORS),
    st.integers(1, 99),
)
events = st.one_of(
    st.builds(created, stories, authors, event_ids, st.sampled_from((SHORT, HOUR, DAY))),
    st.builds(created, stories, authors, event_ids, st.sampled_from((SHORT, HOUR, DAY))),
    st.builds(deleted, stories, authors, event_ids),
    st.builds(viewed, stories, authors, st.sampled_from(("STORY", "POST")), event_ids),
    st.builds(viewed, stories, authors, st.sampled_from(("STORY", "POST")), event_ids),
)
polls = st.lists(
    st.tuples(
        st.lists(events, min_size=1, max_size=3, unique_by=lambda one: one["event_id"]),
        st.lists(st.sampled_from((*NEAR, *NEAR, *FAR)), max_size=2),
    ),
    max_size=8,
)


@settings(max_examples=scaled(400))
@given(polls=polls)
def test_trays_and_stories_are_what_the_oracle_answers(
    polls: list[tuple[list[Event], list[int]]],
) -> None:
    store, caches = MemoryStore(clock=lambda: WALL), memory_row_caches()
    views = Views.of(store)
    sink = InvalidatingSink(store, views, caches)
    rows = ReadThroughRows(views, caches, clock=lambda: WALL)
    served = Served(views._replace(rows=rows))
    taken = [follow(author) for author in AUTHORS]
    feed(sink, [taken])
    for number, (drawn, offsets) in enumerate(polls):
        # One event, one id: those of two polls are not the same events.
        poll = [event | {"event_id": event["event_id"] + 100 * (9 - number)} for event in drawn]
        feed(sink, [poll])
        taken = [*taken, *poll]
        oracle = Oracle(taken)
        for now in (WALL + offset for offset in (*offsets, 0)):
            assert served.tray(READER, now) == oracle.tray(READER, now), now - WALL
            for author in AUTHORS:
                assert served.stories(author, now) == oracle.stories(author, now), now - WALL
