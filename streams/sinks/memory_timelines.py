"""Timelines in plain dicts, with the steps and the losses of the real server, for fast tests."""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from streams.projections.ports import Delivery, Timeline
from streams.sinks.timelines import TimelineLimits, checked, newest, shard_of


@dataclass(slots=True)
class _Stored:
    """A timeline as it lies in the store; `sources` is None while it is loading."""

    token: bytes
    history: int
    sources: bytes | None = None
    floor: int = 0
    ids: list[int] = field(default_factory=list)


class MemoryTimelines:
    """A TimelineCache whose data `flush`, `evict` and `restart` lose as a server would."""

    def __init__(self, *, shards: int, limits: TimelineLimits | None = None) -> None:
        self._shards = shards
        self._limits = limits or TimelineLimits()
        self._timelines: dict[int, _Stored] = {}
        self._followers: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        self._history = 0
        self._loads = 0

    def read(self, reader: int, sources: bytes) -> Timeline | None:
        """See TimelineCache."""
        wanted, stored = checked(sources), self._timelines.get(reader)
        if stored is None or stored.sources != wanted:
            return None
        if stored.history != self._history:
            return None
        return Timeline(tuple(reversed(stored.ids)), stored.floor)

    def begin(self, reader: int, authors: Collection[int]) -> bytes | None:
        """See TimelineCache."""
        self._loads += 1
        token = self._loads.to_bytes(16, "big")
        self._timelines[reader] = _Stored(token, self._history)
        for author in authors:
            followers = self._followers[shard_of(reader, self._shards), author]
            if reader not in followers:
                insort(followers, reader)
        return token

    def install(
        self, reader: int, token: bytes, ids: Sequence[int], floor: int, sources: bytes
    ) -> bool:
        """See TimelineCache."""
        stored = self._timelines.get(reader)
        if stored is None or (stored.token, stored.history) != (token, self._history):
            return False
        if stored.sources is None:
            floor = max(floor, stored.floor)
            stored.ids, stored.floor = newest([*ids, *stored.ids], floor, self._limits.length)
            stored.sources = checked(sources)
        return True

    def deliver(self, posts: Mapping[int, Sequence[int]], limit: int) -> Sequence[Delivery]:
        """See TimelineCache."""
        return tuple(
            Delivery(author, post, shard, cursor)
            for shard in range(self._shards)
            for author, ids in posts.items()
            if ids and (cursor := self._walk(shard, author, ids, 0, limit)) is not None
            for post in sorted(set(ids))
        )

    def deliver_pages(self, rests: Iterable[Delivery], limit: int) -> Sequence[Delivery]:
        """See TimelineCache."""
        pages = (self.deliver_page(rest, limit) for rest in rests)
        return tuple(rest for rest in pages if rest is not None)

    def deliver_page(self, rest: Delivery, limit: int) -> Delivery | None:
        """See TimelineCache."""
        cursor = self._walk(rest.shard, rest.author_id, (rest.post_id,), rest.cursor, limit)
        return None if cursor is None else rest._replace(cursor=cursor)

    def flush(self) -> None:
        """Lose everything at once (FLUSHALL)."""
        self._timelines.clear()
        self._followers.clear()

    def evict(self, reader: int) -> None:
        """Lose one timeline, as eviction and expiry do."""
        self._timelines.pop(reader, None)

    def restart(self) -> None:
        """Begin another life with the data of an earlier moment (here: of this one)."""
        self._history += 1

    def _walk(
        self, shard: int, author: int, posts: Collection[int], cursor: int, limit: int
    ) -> int | None:
        """Serve `limit` followers above `cursor`; the last one served if there are more."""
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
