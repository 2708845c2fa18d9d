"""Cached views of a viewer equal the durable ones, whoever views and asks at the
same time, and whatever is lost."""

from collections.abc import Callable, Collection
from typing import Any, Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.caching.invalidating_sink import InvalidatingSink
from streams.caching.read_through import ReadThroughRows
from streams.sinks.memory.row_cache import MemoryRowCache
from streams.sinks.memory.store import MemoryStore
from streams.views.effects import Effects, SeeContent
from streams.views.row_cache import CacheLookup, RefreshTicket
from streams.views.store import Views
from tests.support.memory_side import memory_row_caches
from tests.support.profiles import scaled

VIEWER: Final = 1
CONTENTS: Final = range(11, 15)


class _Line:
    """One viewer, workers that apply views, and readers who ask which were seen."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], None] | None = None
        self.store, self.cache = _Store(self), _SeenCache(self)
        caches = memory_row_caches()._replace(seen=self.cache)
        views = Views.of(self.store)
        self._sink = InvalidatingSink(self.store, views, caches)
        self._rows = ReadThroughRows(views, caches)

    def interrupt(self) -> None:
        """Let another act, once."""
        if (meanwhile := self.meanwhile) is not None:
            self.meanwhile = None
            meanwhile()

    def act(self, kind: str, contents: Collection[int]) -> None:
        match kind:
            case "view":
                self._sink.apply(Effects(views=[SeeContent(one, VIEWER, 1) for one in contents]))
            case "ask":
                self._rows.viewed(VIEWER, contents)
            case "evict":
                self.cache.evict(VIEWER)
            case "restart":
                self.cache.restart()

    def check(self, contents: Collection[int]) -> None:
        for _ in ("filled in", "cached"):
            told = self._rows.viewed(VIEWER, contents)
            assert told == self.store.viewed(VIEWER, contents)


class _Store(MemoryStore):
    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def viewed(self, viewer: int, content_ids: Collection[int]) -> frozenset[int]:
        found = super().viewed(viewer, content_ids)
        self._line.interrupt()
        return found


class _SeenCache(MemoryRowCache):
    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def get(self, ids: Collection[int]) -> CacheLookup:
        found = super().get(ids)
        self._line.interrupt()
        return found

    def refresh(self, ids: Collection[int]) -> RefreshTicket:
        found = super().refresh(ids)
        self._line.interrupt()
        return found


contents = st.frozensets(st.sampled_from(CONTENTS), min_size=1, max_size=2)
acts = st.tuples(st.sampled_from(("view", "view", "ask", "ask", "evict", "restart")), contents)
steps = st.lists(st.tuples(acts, st.none() | acts, st.none() | contents), min_size=2, max_size=10)


A, B = frozenset((11,)), frozenset((12,))


@settings(max_examples=scaled(400))
@given(steps=steps)
@example(steps=[(("ask", A), None, None), (("ask", A | B), ("view", A), None)])
@example(steps=[(("ask", A | B), None, None), (("view", A), ("view", B), None)])
@example(steps=[(("ask", A), ("view", A), None)])
def test_cached_views_equal_the_durable_ones(steps: list[tuple[Any, Any, Any]]) -> None:
    line = _Line()
    for act, other, checked in steps:
        if other is not None:
            line.meanwhile = lambda other=other: line.act(*other)
        line.act(*act)
        line.meanwhile = None
        if checked is not None:
            line.check(checked)
    line.check(CONTENTS)
