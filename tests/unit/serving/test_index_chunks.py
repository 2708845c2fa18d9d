"""Ids of an index, fetched in chunks: each of them once, and no question more than it takes."""

import itertools
from collections.abc import Sequence

import pytest

from streams.serving.posts import newest_first


@pytest.mark.parametrize("count", [0, 1, 7, 8, 20, 50, 100, 1_000, 5_000])
@pytest.mark.parametrize("before", [None, 31])
def test_every_id_below_the_cursor_comes_once(count: int, before: int | None) -> None:
    ids = list(range(count, 0, -1))
    asked: list[tuple[int | None, int, int]] = []

    def fetch(cursor: int | None, most: int) -> Sequence[int]:
        found = [one for one in ids if cursor is None or one < cursor][:most]
        asked.append((cursor, most, len(found)))
        return found

    expected = [one for one in ids if before is None or one < before]
    assert list(newest_first(fetch, before)) == expected
    assert all(found == most for _, most, found in asked[:-1]), "a short answer is the last"
    assert all(later >= sooner for (_, sooner, _), (_, later, _) in itertools.pairwise(asked))
