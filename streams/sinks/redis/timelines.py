"""Home timelines of warm readers in Redis: the protocol is told in docs/concepts/timelines.md."""

import secrets
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence

from redis import Redis

from streams.projections.ports import Delivery, Timeline
from streams.sinks.redis.client import store_errors
from streams.sinks.redis.delivering import Deliverer
from streams.sinks.redis.keys import Keys, pack, unpack
from streams.sinks.redis.scripts import Call, Script
from streams.sinks.timelines import TimelineLimits, checked, newest

TOKEN_BYTES = 16
PUSHES_A_REGISTRATION = 2
"""As many pushes take a server as long as putting a reader on a list."""


class RedisTimelines:
    """A TimelineCache. Every step is one script on one shard, so steps never overlap in a shard.

    Each method raises StoreUnavailableError where the server cannot serve; each may be repeated.
    """

    def __init__(
        self, client: Redis, *, version: str, shards: int, limits: TimelineLimits | None = None
    ) -> None:
        self._limits = limits or TimelineLimits()
        self._keys = Keys(version, shards)
        self._read = Script(client, "read")
        self._begin = Script(client, "begin")
        self._install = Script(client, "install")
        self._deliverer = Deliverer(Script(client, "deliver"), self._keys, self._limits)

    def read(self, reader: int, sources: bytes) -> Timeline | None:
        """See TimelineCache. One round trip."""
        call = Call((self._keys.timeline(reader),), (checked(sources),))
        with store_errors():
            packed = self._read.run(call)
        if packed is None:
            return None
        floor, *ids = unpack(packed)
        distinct = list(dict.fromkeys(sorted(ids)))  # mostly in order already: sorting is one pass
        above = distinct[bisect_right(distinct, floor) :]
        return Timeline(tuple(reversed(above)), floor)

    def begin(self, reader: int, authors: Collection[int]) -> bytes | None:
        """See TimelineCache. None where the marker is lost before all authors are told."""
        token, told = secrets.token_bytes(TOKEN_BYTES), tuple(authors)
        keys = (self._keys.timeline(reader), self._keys.lists_beside(reader))
        same = (token, pack((reader,)), self._limits.loading_s, self._limits.list_page)
        page = max(1, self._limits.pushes // PUSHES_A_REGISTRATION)
        with store_errors():
            for start in range(0, max(len(told), 1), page):
                args = (int(start == 0), *same, pack(told[start : start + page]))
                if not self._begin.run(Call(keys, args)):
                    return None
        return token

    def install(
        self, reader: int, token: bytes, ids: Sequence[int], floor: int, sources: bytes
    ) -> bool:
        """See TimelineCache. Keeps the newest ids, raising the floor to what goes."""
        kept, floor = newest(ids, floor, self._limits.length)
        loaded = pack((floor, *kept))
        args = (token, checked(sources), loaded, self._limits.length, self._limits.complete_s)
        with store_errors():
            return bool(self._install.run(Call((self._keys.timeline(reader),), args)))

    def deliver(self, posts: Mapping[int, Sequence[int]], limit: int) -> Sequence[Delivery]:
        """See TimelineCache."""
        with store_errors():
            return tuple(self._deliverer.deliver(posts, limit))

    def deliver_pages(self, rests: Iterable[Delivery], limit: int) -> Sequence[Delivery]:
        """See TimelineCache."""
        with store_errors():
            return tuple(self._deliverer.deliver_pages(rests, limit))

    def deliver_page(self, rest: Delivery, limit: int) -> Delivery | None:
        """See TimelineCache."""
        return next(iter(self.deliver_pages((rest,), limit)), None)
