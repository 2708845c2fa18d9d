"""What every fold keeps, whatever the events: an account of all of them, purity, one answer."""

import random
import time
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.projections.projection import NO_FACTS
from streams.projections.registry import project
from streams.sinks.memory.store import MemoryStore
from streams.views.effects import Effects
from streams.views.store import Views
from tests.oracle.validity import Event
from tests.oracle.views import Oracle
from tests.strategies import START, World, deliveries, networks
from tests.support.batches import batches
from tests.support.feed_events import feed
from tests.support.questions import assert_same_answers
from tests.support.served_answers import Served

WORLDS = st.builds(World, population=st.integers(3, 5))
CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")


@given(data=st.data())
def test_every_delivered_event_is_in_exactly_one_count(data: st.DataObject) -> None:
    polls = data.draw(networks(data.draw(WORLDS)).flatmap(deliveries))
    account = feed(MemoryStore(), polls)
    delivered = sum(len(poll) for poll in polls)
    assert account.applied + account.duplicates + account.conflicts == delivered


@given(data=st.data())
def test_every_create_too_many_is_one_conflict(data: st.DataObject) -> None:
    events = data.draw(networks(data.draw(WORLDS), "posts", "stories", "comments"))
    order = data.draw(st.permutations(events))
    size = data.draw(st.integers(1, 5))
    polls = [order[start : start + size] for start in range(0, len(order), size)]
    account = feed(MemoryStore(), polls)
    assert account.conflicts == sum(Oracle(events).conflicts().values())
    assert account.duplicates == 0


@given(data=st.data())
def test_a_whole_replay_changes_nothing(data: st.DataObject) -> None:
    world = data.draw(WORLDS)
    events = data.draw(networks(world))
    polls = data.draw(deliveries(events))
    store = MemoryStore()
    feed(store, polls)
    feed(store, [events])
    assert_same_answers(Served(Views.of(store)), Oracle(events), world)


@given(data=st.data())
def test_projecting_reads_no_clock_and_no_chance(data: st.DataObject) -> None:
    found = batches(data.draw(networks(data.draw(WORLDS))))
    usual = [_effects(project(batch, NO_FACTS).effects) for batch in found]
    with pytest.MonkeyPatch.context() as patch:
        for clock in CLOCKS:
            patch.setattr(time, clock, _forbidden)
        for chance in ("random", "getrandbits", "randrange"):
            patch.setattr(random, chance, _forbidden)
        blind = [project(batch, NO_FACTS).effects for batch in found]
    assert [_effects(effects) for effects in blind] == usual


def _forbidden(*_: Any) -> None:
    raise AssertionError("a fold asked for the time or for chance")


def _effects(effects: Effects) -> dict[str, list[Any]]:
    """Effects commute: their order says nothing."""
    kinds = Effects.__dataclass_fields__
    return {kind: sorted(getattr(effects, kind), key=repr) for kind in kinds}


@pytest.mark.parametrize("end", ["UserUnfollowed", "PostDeleted", "UserBlocked", None])
def test_follow_post_edit_and_their_ends_in_all_orders_give_one_answer(end: str | None) -> None:
    world = World()
    reader, author = world.users[:2]
    post_id = world.posts[2]
    about: Event = {"author_id": author, "post_id": post_id}
    text: Event = {"text": "t", "hashtags": ["t"], "media": []}
    follow: Event = {"follower_id": reader, "followee_id": author}
    drafts: list[Event] = [
        {"type": "UserFollowed", "occurred_at": START + 10, **follow},
        {"type": "PostCreated", "occurred_at": START + 1, **about, **text}
        | dict.fromkeys(("reply_to", "reply_to_author", "repost_of", "repost_of_author")),
        {"type": "PostEdited", "occurred_at": START, **about, **text, "text": "edited"},
    ]
    ends: dict[str, Event] = {
        "UserUnfollowed": follow,
        "PostDeleted": about,
        "UserBlocked": {"user_id": author, "target_id": reader},
    }
    if end is not None:
        drafts.append({"type": end, "occurred_at": START + 20, **ends[end]})
    events = [draft | {"event_id": n} for n, draft in enumerate(drafts, 1)]
    for order in permutations(events):
        store = MemoryStore()
        feed(store, [[event] for event in order])
        shown = [post["text"] for post in Served(Views.of(store)).home_feed(reader)]
        assert shown == ([] if end else ["edited"])
