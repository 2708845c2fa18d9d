"""Home timelines of warm readers in Redis; docs/concepts/timelines.md describes the protocol."""

import secrets
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import cast

from redis import Redis

from streams.sinks.redis.client import store_errors
from streams.sinks.redis.delivery import Deliverer
from streams.sinks.redis.keys import Keys, pack, unpack
from streams.sinks.redis.scripts import Call, Script, ScriptCall
from streams.views.timeline_cache import Delivery, Timeline
from streams.views.timeline_limits import DIGEST_BYTES, TimelineLimits, checked_digest, newest

TOKEN_BYTES = 16
_IDS = TOKEN_BYTES + DIGEST_BYTES
"""Byte at which the ids begin in the answer to a read."""
PUSHES_PER_REGISTRATION = 2
"""Number of pushes that take a server as long as adding a reader to a list."""


class RedisTimelineCache:
    """A TimelineCache. Every step is one script on one shard, so steps never overlap in a shard.

    Each method raises StoreUnavailableError if the server cannot serve; each may be repeated.
    """

    def __init__(
        self, client: Redis, *, version: str, shards: int, limits: TimelineLimits | None = None
    ) -> None:
        self._limits = limits or TimelineLimits()
        self._client = client
        self._keys = Keys(version, shards)
        self._read = Script(client, "read")
        self._begin_load = Script(client, "begin_load")
        self._complete_load = Script(client, "complete_load")
        self._extend = Script(client, "extend")
        self._deliverer = Deliverer(Script(client, "deliver"), self._keys, self._limits)

    def read(self, reader: int) -> Timeline | None:
        """Take one round trip."""
        with store_errors():
            return _timeline(self._read.run(self._read_args(reader)))

    def read_call(self, reader: int) -> ScriptCall[Timeline | None]:
        """Return the call of `read`, and the function that decodes its answer."""
        return ScriptCall(
            [(self._read, self._read_args(reader))], lambda answers: _timeline(answers[0])
        )

    def _read_args(self, reader: int) -> Call:
        return Call((self._keys.timeline(reader),), ())

    def authors(self, reader: int) -> Sequence[int]:
        """Take one round trip."""
        with store_errors():
            packed = self._client.get(self._keys.authors(reader))
        return unpack(cast(bytes, packed or b""))

    def begin_load(self, reader: int, authors: Collection[int]) -> bytes | None:
        """Return `None` if the marker is lost before the reader is registered with all authors."""
        token = secrets.token_bytes(TOKEN_BYTES)
        return token if self._register(reader, token, authors, (b"1", b"0")) else None

    def register_reader(self, reader: int, token: bytes, authors: Collection[int]) -> bool:
        return self._register(reader, token, authors, (b"", b""))

    def _register(
        self, reader: int, token: bytes, authors: Collection[int], steps: tuple[bytes, bytes]
    ) -> bool:
        """Register the reader with the authors, some per call; return whether all calls succeeded.

        The first call runs the first of the `steps`, the others run the second.
        """
        limits, ids, (first, further) = self._limits, tuple(authors), steps
        keys = self._keys
        script_keys = (keys.timeline(reader), keys.authors(reader), keys.lists_near(reader))
        same = (token, pack((reader,)), limits.loading_s, limits.complete_s, limits.list_page)
        page = max(1, limits.pushes // PUSHES_PER_REGISTRATION)
        with store_errors():
            return all(
                self._begin_load.run(
                    Call(
                        script_keys, (further if start else first, *same, pack(ids[start:][:page]))
                    )
                )
                for start in range(0, max(len(ids), 1), page)
            )

    def complete_load(
        self, reader: int, token: bytes, ids: Sequence[int], floor: int, digest: bytes
    ) -> bool:
        """Keep the newest ids that fit, and raise the floor to the newest id that is dropped."""
        kept, floor = newest(ids, floor, self._limits.length)
        loaded = pack((floor, *kept))
        args = (token, checked_digest(digest), loaded, self._limits.length, self._limits.complete_s)
        with store_errors():
            return bool(self._complete_load.run(Call((self._keys.timeline(reader),), args)))

    def extend(
        self,
        reader: int,
        timeline: Timeline,
        ids: Sequence[int],
        floor: int,
        authors: Collection[int],
        digest: bytes,
    ) -> bool:
        limits, keys = self._limits, (self._keys.timeline(reader), self._keys.authors(reader))
        kept, floor = newest(ids, floor, limits.length)
        args = (
            *(timeline.token, timeline.digest, checked_digest(digest), pack((floor, *kept))),
            *(limits.length, pack(tuple(authors)), limits.complete_s),
        )
        with store_errors():
            return bool(self._extend.run(Call(keys, args)))

    def deliver(self, posts: Mapping[int, Sequence[int]], limit: int) -> Sequence[Delivery]:
        with store_errors():
            return tuple(self._deliverer.deliver(posts, limit))

    def deliver_pages(self, rests: Iterable[Delivery], limit: int) -> Sequence[Delivery]:
        with store_errors():
            return tuple(self._deliverer.deliver_pages(rests, limit))

    def deliver_page(self, rest: Delivery, limit: int) -> Delivery | None:
        return next(iter(self.deliver_pages((rest,), limit)), None)


def _timeline(packed: bytes | None) -> Timeline | None:
    if packed is None:
        return None
    token, digest = packed[:TOKEN_BYTES], packed[TOKEN_BYTES:_IDS]
    floor, *ids = unpack(packed[_IDS:])
    distinct = list(dict.fromkeys(sorted(ids)))  # mostly in order already: sorting is one pass
    above = distinct[bisect_right(distinct, floor) :]
    return Timeline(tuple(reversed(above)), floor, digest, token)
