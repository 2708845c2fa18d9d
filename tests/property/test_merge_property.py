"""Merging the posts of many authors: exact in whatever chunks they come, and in few questions."""

import random
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.feed.merge import merge_author_posts
from streams.views.store import Enough, Recent

AUTHORS: Final = range(1, 7)
ids = st.integers(1, 60)
posts = st.dictionaries(st.sampled_from(AUTHORS), st.sets(ids, max_size=25), max_size=6)
befores = st.none() | ids
expecteds = st.none() | st.integers(1, 40)
months = st.sampled_from((1, 7, 30))


class Store:
    """Authors' posts; those that come late arrive one at each question after the first. It answers
    down to multiples of `month`."""

    def __init__(
        self,
        posts: Mapping[int, Collection[int]],
        month: int = 1,
        late: Sequence[tuple[int, int]] = (),
    ) -> None:
        self.posts = {author: set(of) for author, of in posts.items()}
        self.questions = 0
        self.furthest = 1 << 63
        """Down to where it was asked."""
        self._month = month
        self._late = list(late)

    def recent_posts(
        self, authors: Collection[int], before: int | None, limit: int, enough: Enough
    ) -> Recent:
        if self.questions and self._late:
            author, post = self._late.pop()
            self.posts.setdefault(author, set()).add(post)
        self.questions += 1
        self.furthest = min(self.furthest, enough.down_to)
        assert len(set(authors)) == len(authors)
        found = {
            author: sorted(
                (i for i in self.posts.get(author, ()) if before is None or i < before),
                reverse=True,
            )[:limit]
            for author in authors
        }
        every = sorted((i for ids in found.values() for i in ids), reverse=True)
        last = every[enough.posts - 1] if len(every) >= enough.posts else 0
        until = max(last, enough.down_to) // self._month * self._month
        return Recent({a: [i for i in ids if i >= until] for a, ids in found.items()}, until)


@given(posts=posts, before=befores, expected=expecteds, above=st.just(0) | ids, month=months)
def test_all_posts_come_newest_first_each_once(
    posts: dict[int, set[int]], before: int | None, expected: int | None, above: int, month: int
) -> None:
    store = Store(posts, month)
    merged = list(merge_author_posts(store.recent_posts, AUTHORS, before, expected, above))
    every = {i for of in posts.values() for i in of if above < i and (before is None or i < before)}
    assert merged == sorted(every, reverse=True)
    if above:
        assert store.furthest >= above, "nobody is asked about what is not wanted"


@given(
    posts=posts,
    before=befores,
    expected=expecteds,
    month=months,
    late=st.lists(st.tuples(st.sampled_from(AUTHORS), ids), max_size=8),
)
def test_what_comes_late_takes_nothing_away(
    posts: dict[int, set[int]],
    before: int | None,
    expected: int | None,
    month: int,
    late: list[tuple[int, int]],
) -> None:
    store = Store(posts, month, late)
    merged = list(merge_author_posts(store.recent_posts, AUTHORS, before, expected))
    assert merged == sorted(set(merged), reverse=True)
    assert {i for of in posts.values() for i in of if before is None or i < before} <= set(merged)
    assert set(merged) <= {i for of in store.posts.values() for i in of}


@pytest.mark.parametrize("authors", [200, 1_000])
@pytest.mark.parametrize("heavy", [False, True], ids=["even", "some write far more"])
def test_a_timeline_takes_few_questions(authors: int, heavy: bool) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    posts = {
        author: draw.sample(range(10**9), min(2_000, round(5 * draw.paretovariate(1.3))))
        if heavy
        else draw.sample(range(10**9), 20)
        for author in range(1, authors + 1)
    }
    store = Store(posts, month=10**8)
    merged = list(islice(merge_author_posts(store.recent_posts, posts, None, 801), 801))
    assert merged == sorted({i for of in posts.values() for i in of}, reverse=True)[:801]
    assert store.questions <= 12
