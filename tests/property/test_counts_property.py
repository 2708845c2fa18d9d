"""Cached counts are the numbers of members, even if others change and count them at the same time,
and whatever is lost."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from streams.caching.count_maintainer import CountMaintainer
from streams.caching.invalidating_sink import InvalidatingSink
from streams.caching.read_through import ReadThroughRows
from streams.errors import StoreUnavailableError
from streams.sinks.memory.row_cache import MemoryRowCache
from streams.sinks.memory.store import MemoryStore
from streams.views.counts import CountKind
from streams.views.effects import (
    CreateComment,
    DeleteComment,
    DeletePost,
    Effects,
    SeeContent,
    SetLike,
    Stamp,
)
from streams.views.row_cache import CachedRow
from streams.views.store import Views
from tests.contract.store_events import Scope
from tests.support.memory_side import memory_row_caches

CONTENTS = (1, 2)
USERS = range(1, 6)
COMMENTS = range(11, 15)
POSTS = range(21, 25)
WORKERS = range(2)
HELD_FROM = 2


class Interrupted(MemoryStore):
    """Lets others work when somebody has read it, before the reader goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] | None = None

    def _read(self, answer: Any) -> Any:
        if (meanwhile := self.meanwhile) is not None:
            self.meanwhile = None
            meanwhile()
        return answer

    def likers(self, content_id: int) -> frozenset[int]:
        return frozenset(self._read(super().likers(content_id)))

    def likers_among(self, content_id: int, users: Collection[int]) -> frozenset[int]:
        return frozenset(self._read(super().likers_among(content_id, users)))

    def viewers(self, content_id: int) -> Mapping[int, int]:
        return dict(self._read(super().viewers(content_id)))

    def content_comments(self, content_id: int, after: int, limit: int) -> Sequence[int]:
        return list(self._read(super().content_comments(content_id, after, limit)))

    def reposts(self, post_id: int) -> Sequence[int]:
        return list(self._read(super().reposts(post_id)))


class Failing(MemoryRowCache):
    """Does not answer the call after the next `left` ones."""

    def __init__(self) -> None:
        super().__init__()
        self.left: int | None = None

    def refresh(self, ids: Collection[int]) -> Any:
        self._answer()
        return super().refresh(ids)

    def invalidate(self, ids: Collection[int]) -> None:
        self._answer()
        super().invalidate(ids)

    def fill(self, token: bytes, rows: Mapping[int, CachedRow]) -> None:
        self._answer()
        super().fill(token, rows)

    def _answer(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise StoreUnavailableError("down")


class Line:
    """Two workers, either of which may have any batch, and whoever reads."""

    def __init__(self) -> None:
        self.store = Interrupted()
        self.held = {kind: Failing() for kind in CountKind}
        caches = memory_row_caches()._replace(counts=self.held)
        views = Views.of(self.store)
        self.rows = ReadThroughRows(views, caches)
        self.workers = [
            InvalidatingSink(
                self.store,
                views,
                caches,
                CountMaintainer(views, self.held, held_from=HELD_FROM, capacity=5),
            )
            for _ in WORKERS
        ]

    def read(self) -> None:
        for kind in CountKind:
            self.rows.counts(kind, CONTENTS)

    def check(self) -> None:
        self.store.meanwhile = None
        for kind in CountKind:
            expected = self.store.counts(kind, CONTENTS)
            assert self.rows.counts(kind, CONTENTS) == expected, kind
            assert self.rows.counts(kind, CONTENTS) == expected, f"cached {kind}"

    def deliver(self, worker: int, effects: Effects, fails: tuple[CountKind, int] | None) -> None:
        """Apply a batch; where Redis fails, it is delivered again, to the other worker."""
        if fails:
            self.held[fails[0]].left = fails[1]
        try:
            self.workers[worker].apply(effects)
        except StoreUnavailableError:
            event("delivered again")
            self.workers[1 - worker].apply(effects)
        finally:
            for cache in self.held.values():
                cache.left = None


_scope = Scope(0)
contents, users, workers = (st.sampled_from(some) for some in (CONTENTS, USERS, WORKERS))
stamps = st.builds(Stamp, st.integers(1, 9), st.integers(1, 9), st.booleans())
effects = st.builds(
    Effects,
    likes=st.lists(st.builds(SetLike, contents, users, stamps), max_size=3),
    views=st.lists(st.builds(SeeContent, contents, users, st.integers(1, 9)), max_size=2),
    create_comments=st.lists(
        st.builds(
            lambda comment, content: CreateComment(comment, content, 1, 2, comment, "", None),
            st.sampled_from(COMMENTS),
            contents,
        ),
        max_size=2,
        unique_by=lambda create: create.comment_id,
    ),
    delete_comments=st.lists(
        st.builds(DeleteComment, st.sampled_from(COMMENTS), contents, st.just(1)), max_size=1
    ),
    create_posts=st.lists(
        st.builds(
            lambda post, content: _scope.post(post, 9, post, repost_of=content),
            st.sampled_from(POSTS),
            contents,
        ),
        max_size=2,
        unique_by=lambda create: create.post_id,
    ),
    delete_posts=st.lists(st.builds(DeletePost, st.sampled_from(POSTS), st.just(9)), max_size=1),
)
failures = st.none() | st.tuples(st.sampled_from(CountKind), st.integers(0, 2))
deliveries = st.tuples(workers, effects, failures)
losses = st.sampled_from(("flush", "restart", "evict"))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("deliver"), deliveries),
        st.tuples(st.just("read"), st.none()),
        st.tuples(st.just("read meanwhile"), deliveries),
        st.tuples(st.just("deliver meanwhile"), st.tuples(workers, effects, effects)),
        st.tuples(st.just("lose"), losses),
    ),
    min_size=4,
    max_size=14,
)


@given(steps=steps)
def test_cached_counts_are_the_numbers_of_members(steps: list[tuple[str, Any]]) -> None:
    line = Line()
    for step, value in steps:
        match step:
            case "deliver":
                line.deliver(*value)
            case "read":
                line.read()
            case "read meanwhile":
                line.store.meanwhile = lambda value=value: line.deliver(*value)
                line.read()
            case "deliver meanwhile":
                worker, first, second = value
                line.store.meanwhile = lambda w=worker, e=second: line.deliver(1 - w, e, None)
                line.deliver(worker, first, None)
            case "lose":
                for cache in line.held.values():
                    if value == "evict":
                        cache.evict(CONTENTS[0])
                    else:
                        getattr(cache, value)()
        line.store.meanwhile = None
        line.check()
