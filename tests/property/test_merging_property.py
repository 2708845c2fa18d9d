"""Merging the posts of many authors: exact in whatever chunks they come, and in few questions."""

import random
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.merging import merge_author_posts

AUTHORS: Final = range(1, 7)
ids = st.integers(1, 60)
posts = st.dictionaries(st.sampled_from(AUTHORS), st.sets(ids, max_size=25), max_size=6)
befores = st.none() | ids
wanteds = st.none() | st.integers(1, 40)


class Store:
    """Authors' posts; those that come late arrive one at each question after the first."""

    def __init__(
        self, posts: Mapping[int, Collection[int]], late: Sequence[tuple[int, int]] = ()
    ) -> None:
        self.posts = {author: set(of) for author, of in posts.items()}
        self.questions = 0
        self._late = list(late)

    def author_posts(
        self, authors: Collection[int], before: int | None, limit: int
    ) -> Mapping[int, Sequence[int]]:
        if self.questions and self._late:
            author, post = self._late.pop()
            self.posts.setdefault(author, set()).add(post)
        self.questions += 1
        assert len(set(authors)) == len(authors)
        return {
            author: sorted(
                (i for i in self.posts.get(author, ()) if before is None or i < before),
                reverse=True,
            )[:limit]
            for author in authors
        }


@given(posts=posts, before=befores, wanted=wanteds)
def test_all_posts_come_newest_first_each_once(
    posts: dict[int, set[int]], before: int | None, wanted: int | None
) -> None:
    merged = list(merge_author_posts(Store(posts).author_posts, AUTHORS, before, wanted))
    every = {i for of in posts.values() for i in of if before is None or i < before}
    assert merged == sorted(every, reverse=True)


@given(
    posts=posts,
    before=befores,
    wanted=wanteds,
    late=st.lists(st.tuples(st.sampled_from(AUTHORS), ids), max_size=8),
)
def test_what_comes_late_takes_nothing_away(
    posts: dict[int, set[int]],
    before: int | None,
    wanted: int | None,
    late: list[tuple[int, int]],
) -> None:
    store = Store(posts, late)
    merged = list(merge_author_posts(store.author_posts, AUTHORS, before, wanted))
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
        for author in range(authors)
    }
    store = Store(posts)
    merged = list(islice(merge_author_posts(store.author_posts, posts, None, 800), 801))
    assert merged == sorted({i for of in posts.values() for i in of}, reverse=True)[:801]
    assert store.questions <= 12
