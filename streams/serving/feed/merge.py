"""Posts of many authors in one order: a k-way merge of the posts of each, at any depth."""

import heapq
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from streams.views.store import Enough, Recent

_EXPECTED: Final = 100
"""Number of posts that a reader of a few pages takes."""
_MIN_CHUNK: Final = 2
_MAX_CHUNK: Final = 1000

RecentPosts = Callable[[Collection[int], int | None, int, Enough], Recent]
"""Signature of `PostReader.recent_posts`."""


def union(*sources: Iterator[int]) -> Iterator[int]:
    """Yield the ids of all the sources, descending, each once."""
    last = None
    for post_id in heapq.merge(*sources, reverse=True):
        if post_id != last:
            yield post_id
        last = post_id


def merge_author_posts(
    recent_posts: RecentPosts,
    authors: Collection[int],
    before: int | None,
    expected: int | None = None,
    above: int = 0,
) -> Iterator[int]:
    """Yield the ids of all the authors' posts between `above` and `before`, newest first.

    A k-way merge: it yields an id only after it has asked every author who may have a newer one, so
    the order is exact at any depth. It reads each author in growing chunks. The first chunks are
    twice as large as they must be if the caller takes `expected` ids and all authors write equally
    often.

    Args:
        recent_posts: Reads posts as `PostReader.recent_posts` does.
        before: Yield smaller ids only; `None` starts at the newest.
        expected: Estimate of the number of ids that the caller takes; it decides only how much is
            read at a time. The default is a few pages.
        above: Yield greater ids only.
    """
    merge = _Merge(recent_posts, max(expected or _EXPECTED, 1), above)
    yield from merge.ids(authors, before)


class _Source:
    """One author's posts in a merge, fetched `chunk` at a time; `at` is the index of the next one.

    There may be more below `bottom`, unless that is 0.
    """

    __slots__ = ("at", "bottom", "chunk", "ids")

    def __init__(self, ids: Sequence[int], chunk: int, bottom: int) -> None:
        self.ids = ids
        self.chunk = chunk
        self.bottom = bottom
        self.at = 0

    @property
    def left(self) -> int:
        return len(self.ids) - self.at


_NO_AUTHOR: Final = 0
"""Placeholder for an author in `_heads`: the id is not a post but a bottom of some authors."""


class _Merge:
    def __init__(self, recent_posts: RecentPosts, expected: int, above: int) -> None:
        self._recent_posts = recent_posts
        self._expected = expected
        self._above = above
        self._sources: dict[int, _Source] = {}
        self._heads: list[tuple[int, int]] = []
        """(-post id, author): the newest unread id of each author who has one, and bottoms."""
        self._yielded = 0

    def ids(self, authors: Collection[int], before: int | None) -> Iterator[int]:
        even = 2 * self._expected // max(len(authors), 1)
        self._fetch(authors, before, min(max(even, _MIN_CHUNK), _MAX_CHUNK), down_to=0)
        first, last = 0, 0
        while self._heads:
            negative, author = heapq.heappop(self._heads)
            post_id = -negative
            if post_id <= self._above:
                return
            if author == _NO_AUTHOR:
                self._refill(post_id, first)
                continue
            if post_id != last:  # two authors may have claimed one id
                first, last, self._yielded = first or post_id, post_id, self._yielded + 1
                yield post_id
            source = self._sources[author]
            source.at += 1
            if source.left:
                heapq.heappush(self._heads, (-source.ids[source.at], author))
            elif source.bottom == post_id:
                self._refill(post_id, first)

    def _refill(self, cursor: int, first: int) -> None:
        """Fetch more posts of all authors whose posts are known only down to the cursor.

        The fetch includes authors who would be next, one after the other, if ids continue at the
        density so far. No unread id is above the cursor, so one query serves all of them; it
        returns unread ids again.
        """
        ended = [source for source in self._sources.values() if source.bottom >= cursor]
        if not ended:  # already fetched
            return
        depth = cursor - (first - cursor) * self._rest // self._yielded if self._yielded else 0
        chunk = min(2 * max(source.chunk for source in ended), _MAX_CHUNK)
        soon = {
            author
            for author, source in self._sources.items()
            if source.bottom >= cursor or (source.bottom > max(depth, 0) and source.left < chunk)
        }
        # Another fetch follows in any case at the id where the others' posts end.
        others = (source.bottom for author, source in self._sources.items() if author not in soon)
        self._fetch(soon, cursor, chunk, down_to=max(others, default=0))

    @property
    def _rest(self) -> int:
        """Estimate of ids still to be taken: the rest of `expected`, or as many as so far."""
        return max(self._expected - self._yielded, self._yielded)

    def _fetch(
        self, authors: Collection[int], before: int | None, chunk: int, down_to: int
    ) -> None:
        enough = Enough(self._rest, max(down_to, self._above))
        found = self._recent_posts(authors, before, chunk, enough)
        for author, ids in found.ids.items():
            source, kept = self._sources.get(author), ids
            if source is not None and source.left:
                head = source.ids[source.at]
                kept = [head, *(post_id for post_id in ids if post_id < head)]
            elif ids:
                heapq.heappush(self._heads, (-ids[0], author))
            bottom = kept[-1] if len(ids) == chunk else found.until
            self._sources[author] = _Source(kept, chunk, bottom)
        if found.until:
            heapq.heappush(self._heads, (-found.until, _NO_AUTHOR))
