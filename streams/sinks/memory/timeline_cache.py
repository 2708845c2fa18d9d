"""Timelines in plain dicts, with the steps and the losses of the real server, for fast tests."""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from streams.views.timeline_cache import Delivery, Timeline
from streams.views.timeline_limits import TimelineLimits, checked_digest, newest, shard_of


@dataclass(slots=True)
class _Stored:
    """Timeline in the store; `digest` is `None` while it is loading."""

    token: bytes
    history: int
    digest: bytes | None = None
    floor: int = 0
    ids: list[int] = field(default_factory=list)


class MemoryTimelineCache:
    """A TimelineCache whose data `flush`, `evict` and `restart` lose as a server would."""

    def __init__(self, *, shards: int, limits: TimelineLimits | None = None) -> None:
        self._shards = shards
        self._limits = limits or TimelineLimits()
        self._timelines: dict[int, _Stored] = {}
        self._followers: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        self._authors: dict[int, Sequence[int]] = {}
        self._history = 0
        self._loads = 0

    def read(self, reader: int) -> Timeline | None:
        stored = self._timelines.get(reader)
        if stored is None or stored.digest is None or stored.history != self._history:
            return None
        return Timeline(tuple(reversed(stored.ids)), stored.floor, stored.digest, stored.token)

    def authors(self, reader: int) -> Sequence[int]:
        return self._authors.get(reader, ())

    def begin_load(self, reader: int, authors: Collection[int]) -> bytes | None:
        self._loads += 1
        token = self._loads.to_bytes(16, "big")
        self._timelines[reader] = _Stored(token, self._history)
        self._authors[reader] = tuple(authors)
        self._register(reader, authors)
        return token

    def register_reader(self, reader: int, token: bytes, authors: Collection[int]) -> bool:
        stored = self._timelines.get(reader)
        if stored is None or stored.token != token:
            return False
        self._register(reader, authors)
        return True

    def complete_load(
        self, reader: int, token: bytes, ids: Sequence[int], floor: int, digest: bytes
    ) -> bool:
        checked, stored = checked_digest(digest), self._timelines.get(reader)
        if stored is None or (stored.token, stored.history) != (token, self._history):
            return False
        if stored.digest is None:
            floor = max(floor, stored.floor)
            stored.ids, stored.floor = newest([*ids, *stored.ids], floor, self._limits.length)
            stored.digest = checked
        return True

    def extend(
        self,
        reader: int,
        timeline: Timeline,
        ids: Sequence[int],
        floor: int,
        authors: Collection[int],
        digest: bytes,
    ) -> bool:
        stored = self._timelines.get(reader)
        if stored is None or (stored.token, stored.history) != (timeline.token, self._history):
            return False
        if stored.digest is None or stored.digest not in (timeline.digest, checked_digest(digest)):
            return False
        if stored.digest != digest:
            floor = max(floor, stored.floor)
            stored.ids, stored.floor = newest([*ids, *stored.ids], floor, self._limits.length)
            stored.digest = digest
            self._authors[reader] = tuple(authors)
        return True

    def deliver(self, posts: Mapping[int, Sequence[int]], limit: int) -> Sequence[Delivery]:
        return tuple(
            Delivery(author, post, shard, cursor)
            for shard in range(self._shards)
            for author, ids in posts.items()
            if ids and (cursor := self._walk(shard, author, ids, 0, limit)) is not None
            for post in sorted(set(ids))
        )

    def deliver_pages(self, rests: Iterable[Delivery], limit: int) -> Sequence[Delivery]:
        pages = (self.deliver_page(rest, limit) for rest in rests)
        return tuple(rest for rest in pages if rest is not None)

    def deliver_page(self, rest: Delivery, limit: int) -> Delivery | None:
        cursor = self._walk(rest.shard, rest.author_id, (rest.post_id,), rest.cursor, limit)
        return None if cursor is None else rest._replace(cursor=cursor)

    def flush(self) -> None:
        """Lose everything at once (FLUSHALL)."""
        self._timelines.clear()
        self._followers.clear()
        self._authors.clear()

    def evict(self, reader: int) -> None:
        """Lose one timeline, as eviction and expiry do."""
        self._timelines.pop(reader, None)

    def restart(self) -> None:
        """Start another history with the data of an earlier moment (here: of the current one)."""
        self._history += 1

    def _register(self, reader: int, authors: Iterable[int]) -> None:
        for author in authors:
            followers = self._followers[shard_of(reader, self._shards), author]
            if reader not in followers:
                insort(followers, reader)

    def _walk(
        self, shard: int, author: int, posts: Collection[int], cursor: int, limit: int
    ) -> int | None:
        """Serve up to `limit` followers above `cursor`.

        Returns the last follower served, or `None` if there are no more.
        """
        followers = self._followers.get((shard, author), [])
        start = bisect_right(followers, cursor)
        page = followers[start : start + limit]
        finished = start + limit >= len(followers)
        for reader in page:
            if not self._push(reader, posts):
                followers.remove(reader)
        return None if finished else page[-1]

    def _push(self, reader: int, posts: Iterable[int]) -> bool:
        stored = self._timelines.get(reader)
        if stored is None:
            return False
        ids, floor = newest([*stored.ids, *posts], stored.floor, self._limits.longest)
        if len(ids) == self._limits.longest and floor > stored.floor:
            ids, floor = newest(ids, floor, self._limits.length)
        stored.ids, stored.floor = ids, floor
        return True
