"""Posts of many authors in one order: a k-way merge of what each has, at any depth."""

import heapq
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

_WANTED: Final = 100
"""How many posts somebody who reads a few pages takes."""
_MIN_CHUNK: Final = 2
_MAX_CHUNK: Final = 1000

AuthorPosts = Callable[[Collection[int], int | None, int], Mapping[int, Sequence[int]]]
"""As ViewReader.author_posts."""


def union(*sources: Iterator[int]) -> Iterator[int]:
    """Descending ids of all the sources, each once."""
    last = None
    for post_id in heapq.merge(*sources, reverse=True):
        if post_id != last:
            yield post_id
        last = post_id


def merge_author_posts(
    author_posts: AuthorPosts,
    authors: Collection[int],
    before: int | None,
    wanted: int | None = None,
) -> Iterator[int]:
    """Ids of all the authors' posts below `before`, newest first: a k-way merge.

    An id is given out only when every author who may have a newer one has been asked, so the
    order is exact at any depth. Each author is read in growing chunks, the first of which are
    twice as large as they must be where `wanted` ids (by default a few pages) are taken and all
    authors write as often.
    """
    sources: dict[int, _Source] = {}
    heads: list[tuple[int, int]] = []  # (-post id, author): the newest unread id of each author

    def fetch(asked: Collection[int], cursor: int | None, chunk: int) -> None:
        for author, ids in author_posts(asked, cursor, chunk).items():
            sources[author] = _Source(iter(ids), chunk, ids[-1] if len(ids) == chunk else None)
            advance(author)

    def advance(author: int) -> None:
        source = sources[author]
        head = next(source.unread, None)
        if head is not None:
            heapq.heappush(heads, (-head, author))
        elif source.cursor is not None:
            fetch([author], source.cursor, min(source.chunk * 2, _MAX_CHUNK))

    even = 2 * (wanted or _WANTED) // max(len(authors), 1)
    fetch(authors, before, min(max(even, _MIN_CHUNK), _MAX_CHUNK))
    last = None
    while heads:
        negative, author = heapq.heappop(heads)
        if negative != last:  # two authors may have claimed one id
            yield -negative
        last = negative
        advance(author)


class _Source(NamedTuple):
    """One author's posts in a merge: those fetched and unread, and where to fetch on."""

    unread: Iterator[int]
    chunk: int
    cursor: int | None
