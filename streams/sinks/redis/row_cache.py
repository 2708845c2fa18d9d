"""Row cache in Redis: copies of durable rows; docs/concepts/copies.md describes the protocol."""

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from redis import Redis

from streams.sinks.redis.client import store_errors
from streams.sinks.redis.keys import pack, row_cache_prefixes
from streams.sinks.redis.scripts import Call, Script, ScriptCall, run_calls
from streams.views.row_cache import CachedRow, CacheLookup, RefreshTicket
from streams.views.timeline_limits import shard_of

_TOKEN_BYTES = 16
_IDS_PER_CALL = 200
LEASE_S = 10
"""Seconds that a lease lasts: a slower holder has died, or is not worth waiting for."""


class RedisRowCache:
    """A RowCache of one kind, under keys of `letter`.

    Ids are hashed into parts; the keys of a part are in one hash slot.
    """

    def __init__(self, client: Redis, *, version: str, parts: int, letter: str) -> None:
        self._client = client
        self._prefixes = row_cache_prefixes(version, parts, letter)
        self._get = Script(client, "row_cache_get")
        self._fill = Script(client, "row_cache_fill")
        self._refresh = Script(client, "row_cache_refresh")

    def get(self, ids: Collection[int]) -> CacheLookup:
        """Take one round trip."""
        lookup = self.get_call(ids)
        with store_errors():
            answers = run_calls(self._client, lookup.calls) if lookup.calls else ()
        return lookup.decode(answers)

    def get_call(self, ids: Collection[int]) -> ScriptCall[CacheLookup]:
        """Return the calls of `get`, and the function that decodes their answers."""
        token = secrets.token_bytes(_TOKEN_BYTES)
        requested = tuple(self._by_part(ids))
        calls = [
            (self._get, Call((prefix,), (token, LEASE_S, pack(part)))) for prefix, part in requested
        ]

        def decode(answers: Sequence[Any]) -> CacheLookup:
            held: dict[int, bytes] = {}
            leased: list[int] = []
            for (_, part), found in zip(requested, answers, strict=True):
                for row_id, row in zip(part, found, strict=True):
                    if isinstance(row, bytes):
                        held[row_id] = row
                    elif row:
                        leased.append(row_id)
            return CacheLookup(held, frozenset(leased), token)

        return ScriptCall(calls, decode)

    def fill(self, token: bytes, rows: Mapping[int, CachedRow]) -> None:
        """Take one round trip."""
        calls = []
        for prefix, part in self._by_part(rows):
            args: list[bytes | int] = [token]
            for row_id in part:
                args += (pack((row_id,)), rows[row_id].ttl_s, rows[row_id].packed)
            calls.append(Call((prefix,), args))
        if calls:
            with store_errors():
                self._fill.run_all(calls)

    def refresh(self, ids: Collection[int]) -> RefreshTicket:
        """Take one round trip."""
        token = secrets.token_bytes(_TOKEN_BYTES)
        requested = tuple(self._by_part(ids))
        old: dict[int, bytes] = {}
        with store_errors():
            calls = [Call((prefix,), (token, pack(part))) for prefix, part in requested]
            answers = self._refresh.run_all(calls) if calls else ()
        for (_, part), found in zip(requested, answers, strict=True):
            old |= {i: row for i, row in zip(part, found, strict=True) if row != 0}
        return RefreshTicket(old, token)

    def invalidate(self, ids: Collection[int]) -> None:
        """Take one round trip."""
        with store_errors(), self._client.pipeline(transaction=False) as pipe:
            for prefix, part in self._by_part(ids):
                pipe.unlink(*(prefix + pack((i,)) for i in part))
            pipe.execute()

    def _by_part(self, ids: Collection[int]) -> Iterable[tuple[bytes, list[int]]]:
        """Yield key prefixes, each with some of the ids whose keys begin with it; each id once."""
        parts: defaultdict[int, list[int]] = defaultdict(list)
        for i in dict.fromkeys(ids):
            parts[shard_of(i, len(self._prefixes))].append(i)
        for number, part in parts.items():
            for start in range(0, len(part), _IDS_PER_CALL):
                yield self._prefixes[number], part[start : start + _IDS_PER_CALL]
