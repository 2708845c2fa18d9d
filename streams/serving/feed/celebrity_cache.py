"""Recent posts of authors whose posts are pulled, cached in the process that reads them.

A list is kept with the version that the pull set had when the list was read, and serves only while
the set has that version: there is nothing to expire and nothing to refresh early, and no read can
miss a post. When a celebrity posts, the first read of each process asks the durable store; all
concurrent reads wait for its answer.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Final, NamedTuple

from cachetools import LRUCache

from streams.caching.metrics import Cache, CacheMetrics
from streams.contracts.events import Tier
from streams.serving.feed.merge import RecentPosts
from streams.views.pull_set import Pulled, PullSet
from streams.views.store import Enough, Recent, Views

AUTHORS: Final = 10_000
"""Number of lists kept; each takes up to about 8 KB."""
RECENT: Final = 200
"""Posts in a list; the durable store serves older ones."""


class _List(NamedTuple):
    version: bytes
    ids: Sequence[int]
    complete: bool


class CelebrityCache:
    """Lists of recent posts in this process; thread-safe."""

    def __init__(
        self,
        views: Views,
        pulls: PullSet,
        metrics: CacheMetrics | None = None,
        *,
        recent: int = RECENT,
        authors: int = AUTHORS,
    ) -> None:
        self._views = views
        self._pulls = pulls
        self._recent = recent
        self._lock = threading.Lock()
        self._kept: LRUCache[int, _List] = LRUCache(authors)
        self._loading: dict[tuple[int, bytes], Future[_List]] = {}
        self._metrics = metrics or CacheMetrics()

    def pulled(self, authors: Collection[int]) -> Mapping[int, Pulled] | None:
        """Return the authors who have pulled posts; `None` if the pull set cannot be read now.

        The call loads an incomplete set, unless another load is running.

        Raises:
            StoreUnavailableError: The cache or the durable store does not answer.
        """
        found = self._pulls.pulled(authors)
        if found is None:
            token = self._pulls.begin_load()
            if token is None or self._pulls.complete_load(
                token, self._views.tiers.pulled_authors()
            ):
                found = self._pulls.pulled(authors)
        return found

    def posts_of(self, pulled: Mapping[int, Pulled]) -> RecentPosts:
        """Return a function that reads the authors' posts, from the lists as far as they go."""

        def recent_posts(
            authors: Collection[int], before: int | None, limit: int, _: Enough
        ) -> Recent:
            lists = self._lists({author: pulled[author].version for author in authors})
            found: dict[int, Sequence[int]] = {}
            for author, held in lists.items():
                ids = [i for i in held.ids if before is None or i < before][:limit]
                if held.complete or len(ids) == limit:
                    found[author] = ids
            beyond = [author for author in authors if author not in found]
            if beyond:
                found.update(self._views.posts.author_posts(beyond, before, limit))
            return Recent(found)

        return recent_posts

    def _lists(self, versions: Mapping[int, bytes]) -> dict[int, _List]:
        found: dict[int, _List] = {}
        others: dict[int, Future[_List]] = {}
        mine: dict[int, Future[_List]] = {}
        with self._lock:
            for author, version in versions.items():
                held = self._kept.get(author)
                if held is not None and held.version == version:
                    found[author] = held
                elif (loading := self._loading.get((author, version))) is not None:
                    others[author] = loading
                else:
                    mine[author] = self._loading[author, version] = Future()
            self._metrics.count(
                Cache.CELEBRITY,
                Tier.CELEBRITY,
                hits=len(found),
                misses=len(mine) + len(others),
            )
        if mine:
            found |= self._load(mine, versions)
        return found | {author: loading.result() for author, loading in others.items()}

    def _load(
        self, claimed: Mapping[int, Future[_List]], versions: Mapping[int, bytes]
    ) -> dict[int, _List]:
        """Load the lists that this thread claimed, and pass them to the waiting threads."""
        try:
            answer = self._views.posts.author_posts(claimed, None, self._recent)
        except BaseException as error:
            self._forget(claimed, versions)
            for future in claimed.values():
                future.set_exception(error)
            raise
        loaded = {
            author: _List(versions[author], ids, len(ids) < self._recent)
            for author, ids in answer.items()
        }
        with self._lock:
            self._kept.update(loaded)
        self._forget(claimed, versions)
        for author, future in claimed.items():
            future.set_result(loaded[author])
        return loaded

    def _forget(self, authors: Collection[int], versions: Mapping[int, bytes]) -> None:
        with self._lock:
            for author in authors:
                del self._loading[author, versions[author]]
