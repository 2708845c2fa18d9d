"""Stored timelines change no answer: not while being built, delivered to, trimmed or lost."""

from collections.abc import Collection, Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from streams.projections.effects import CreatePost, Effects
from streams.sinks.memory import MemoryStore
from streams.sinks.memory_timelines import MemoryTimelines
from streams.sinks.timelines import TimelineLimits
from tests.feeding import feed
from tests.oracle import Oracle
from tests.served import Served
from tests.strategies import World, deliveries, networks
from tests.verdicts import Event

_TINY = TimelineLimits(length=3, slack=2)


class _Line:
    """The posts worker over a store and a cache; `polls` are what it has still to take."""

    def __init__(self, polls: list[list[Event]]) -> None:
        self.store = _Watched(self)
        self.timelines = MemoryTimelines(shards=2, limits=_TINY)
        self.polls = polls
        self.taken: list[Event] = []

    def take(self) -> None:
        """One batch: durable rows first, then delivery to the end, page by page."""
        if not self.polls:
            return
        poll = self.polls.pop(0)
        self.taken += poll
        self.store.created.clear()
        feed(self.store, [poll])
        posts: dict[int, list[int]] = {}
        for post in self.store.created:
            posts.setdefault(post.author_id, []).append(post.post_id)
        for rest in self.timelines.deliver(posts, limit=1):
            left = rest
            while (more := self.timelines.deliver_page(left, limit=1)) is not None:
                left = more


class _Watched(MemoryStore):
    """A store that lets the worker run in the middle of a reader's cold build."""

    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line
        self.created: list[CreatePost] = []
        self.interruptions = 0

    def apply(self, effects: Effects) -> None:
        super().apply(effects)
        self.created += effects.create_posts

    def author_posts(
        self, authors: Collection[int], before: int | None, limit: int
    ) -> Mapping[int, Sequence[int]]:
        found = super().author_posts(authors, before, limit)
        if self.interruptions:
            self.interruptions -= 1
            self._line.take()
        return found


@given(data=st.data())
def test_home_feeds_with_timelines_are_what_the_oracle_answers(data: st.DataObject) -> None:
    world = data.draw(st.builds(World, population=st.integers(3, 4)))
    events = data.draw(networks(world, "posts", "follows", "blocks"))
    line = _Line(data.draw(deliveries(events)))
    served = Served(line.store, timelines=line.timelines, page=2)
    readers = st.sampled_from(world.users)
    while line.polls:
        step = data.draw(st.sampled_from(("take", "read", "interrupted", "flush", "restart")))
        match step:
            case "take":
                line.take()
            case "read":
                reader = data.draw(readers)
                assert served.home_walk(reader) == Oracle(line.taken).home_feed(reader)
            case "interrupted":
                # What arrives in the middle may or may not be in this answer; the next one has it.
                # One page: what comes after it may be hidden by what has just arrived.
                line.store.interruptions = 1
                served.home_feed(data.draw(readers))
                line.store.interruptions = 0
            case "flush":
                line.timelines.flush()
            case "restart":
                line.timelines.restart()
    oracle = Oracle(line.taken)
    for reader in world.users:
        for _ in ("cold or warm", "surely warm"):
            assert served.home_walk(reader) == oracle.home_feed(reader, limit=1000)
