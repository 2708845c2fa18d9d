"""Every view of the memory store is what the oracle answers, however the events arrived."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving import engagement, posts
from streams.serving.feed import merge
from streams.sinks.memory.store import MemoryStore
from streams.views.store import Views
from tests.oracle.validity import Event, refusals
from tests.oracle.views import Oracle
from tests.strategies import World, deliveries, networks
from tests.support.feed_events import feed
from tests.support.questions import assert_same_answers
from tests.support.served_answers import Served

WORLDS = st.builds(World, population=st.integers(3, 5))
PAGES = st.sampled_from((20, 1, 2))
FOCUSES = (
    (),
    ("posts", "follows", "blocks"),
    ("posts", "stories", "likes", "comments"),
    ("stories", "views", "follows"),
    ("tiers",),
)


@st.composite
def cases(draw: st.DrawFn, *topics: str) -> tuple[World, list[Event], list[list[Event]]]:
    """A world, its events, and how they were delivered."""
    world = draw(WORLDS)
    events = draw(networks(world, *topics))
    return world, events, draw(deliveries(events))


@pytest.mark.parametrize("topics", FOCUSES, ids=lambda topics: "+".join(topics) or "everything")
@given(data=st.data(), page=PAGES)
def test_every_view_is_what_the_oracle_answers(
    topics: tuple[str, ...], data: st.DataObject, page: int
) -> None:
    world, events, polls = data.draw(cases(*topics))
    store = MemoryStore()
    feed(store, polls)
    assert_same_answers(Served(Views.of(store), page=page), Oracle(events), world)


@given(data=st.data(), page=PAGES)
def test_no_answer_depends_on_how_much_is_fetched_at_once(data: st.DataObject, page: int) -> None:
    world, events, polls = data.draw(cases("posts", "follows", "blocks", "comments"))
    chunk = data.draw(st.sampled_from((1, 2)))
    store = MemoryStore()
    feed(store, polls)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(posts, "_LOOK_AHEAD", 0)
        for module in (posts, engagement):
            patch.setattr(module, "_CHUNK", chunk)
        patch.setattr(merge, "_EXPECTED", 1)
        patch.setattr(merge, "_MIN_CHUNK", chunk)
        for module in (posts, merge):
            patch.setattr(module, "_MAX_CHUNK", 2)
        assert_same_answers(Served(Views.of(store), page=page), Oracle(events), world)


@given(data=st.data())
def test_generated_events_are_valid(data: st.DataObject) -> None:
    world = data.draw(WORLDS)
    for event in data.draw(networks(world)):
        assert not refusals(event)
