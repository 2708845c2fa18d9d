"""Posts of many authors in one order: a k-way merge of what each has, at any depth."""

import heapq
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

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
    authors write as often. `wanted` is a guess that decides how much is asked at a time.
    """
    merge = _Merge(author_posts, max(wanted or _WANTED, 1))
    yield from merge.ids(authors, before)


class _Source:
    """One author's posts in a merge: those fetched `chunk` at a time, of which the one at `at` is
    the next, and whether there may be more below them."""

    __slots__ = ("at", "chunk", "ids", "more")

    def __init__(self, ids: Sequence[int], chunk: int, *, more: bool) -> None:
        self.ids = ids
        self.chunk = chunk
        self.more = more
        self.at = 0

    @property
    def left(self) -> int:
        return len(self.ids) - self.at


class _Merge:
    def __init__(self, author_posts: AuthorPosts, wanted: int) -> None:
        self._author_posts = author_posts
        self._wanted = wanted
        self._sources: dict[int, _Source] = {}
        self._heads: list[tuple[int, int]] = []
        """(-post id, author): the newest unread id of each author who has one."""

    def ids(self, authors: Collection[int], before: int | None) -> Iterator[int]:
        even = 2 * self._wanted // max(len(authors), 1)
        chunk = min(max(even, _MIN_CHUNK), _MAX_CHUNK)
        for author, ids in self._author_posts(authors, before, chunk).items():
            self._sources[author] = _Source(ids, chunk, more=len(ids) == chunk)
            self._push(author)
        first, last, given = 0, 0, 0
        while self._heads:
            negative, author = heapq.heappop(self._heads)
            post_id = -negative
            if post_id != last:  # two authors may have claimed one id
                first, last, given = first or post_id, post_id, given + 1
                yield post_id
            source = self._sources[author]
            source.at += 1
            if source.more and not source.left:
                self._refill(author, post_id, self._depth(first, post_id, given))
            self._push(author)

    def _push(self, author: int) -> None:
        source = self._sources[author]
        if source.left:
            heapq.heappush(self._heads, (-source.ids[source.at], author))

    def _depth(self, first: int, last: int, given: int) -> int:
        """Down to where ids will be taken, if they go on as they lay so far: `wanted` of them, or
        twice as many as have been given where those are more already."""
        rest = max(self._wanted - given, given)
        return last - (first - last) * rest // given

    def _refill(self, dry: int, cursor: int, depth: int) -> None:
        """Fetch on below the last id of an author, and at once for all others whose ids end above
        `depth`: they would run dry, too, one after the other.

        None of their unread ids lies above the cursor, so one question serves all of them; what
        was unread comes again.
        """
        chunk = min(2 * self._sources[dry].chunk, _MAX_CHUNK)
        soon = [
            author
            for author, source in self._sources.items()
            if source.more and source.ids[-1] > depth and 0 < source.left < chunk
        ]
        for author, ids in self._author_posts([dry, *soon], cursor, chunk).items():
            source, kept = self._sources[author], ids
            if source.left:
                head = source.ids[source.at]
                kept = [head, *(post_id for post_id in ids if post_id < head)]
            self._sources[author] = _Source(kept, chunk, more=len(ids) == chunk)
