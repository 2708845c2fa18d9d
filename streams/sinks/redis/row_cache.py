"""Row cache in Redis: copies of durable rows; docs/concepts/copies.md describes the protocol."""

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from redis import Redis

from streams.sinks.redis.client import store_errors
from streams.sinks.redis.keys import copies as prefixes
from streams.sinks.redis.keys import pack
from streams.sinks.redis.scripts import Call, Script, ScriptCall, ask
from streams.views.row_cache import CachedRow, CacheLookup, RefreshTicket
from streams.views.timeline_limits import shard_of

_TOKEN_BYTES = 16
_IDS_A_CALL = 200
LEASE_S = 10
"""Seconds that a lease lasts: a slower holder has died, or is not worth waiting for."""


class RedisRowCache:
    """A RowCache of one kind, under keys of `letter`.

    Ids are hashed into parts; the keys of a part are in one hash slot.
    """

    def __init__(self, client: Redis, *, version: str, parts: int, letter: str) -> None:
        self._client = client
        self._prefixes = prefixes(version, parts, letter)
        self._read = Script(client, "copies_read")
        self._fill = Script(client, "copies_fill")
        self._renew = Script(client, "copies_renew")

    def read(self, ids: Collection[int]) -> CacheLookup:
        """Take one round trip."""
        question = self.reading(ids)
        with store_errors():
            answers = ask(self._client, question.calls) if question.calls else ()
        return question.tell(answers)

    def reading(self, ids: Collection[int]) -> ScriptCall[CacheLookup]:
        """Return the calls of `read`, and the function that decodes their answers."""
        token = secrets.token_bytes(_TOKEN_BYTES)
        asked = tuple(self._by_shard(ids))
        calls = [
            (self._read, Call((prefix,), (token, LEASE_S, pack(part)))) for prefix, part in asked
        ]

        def tell(answers: Sequence[Any]) -> CacheLookup:
            held: dict[int, bytes] = {}
            leased: list[int] = []
            for (_, part), found in zip(asked, answers, strict=True):
                for one, copy in zip(part, found, strict=True):
                    if isinstance(copy, bytes):
                        held[one] = copy
                    elif copy:
                        leased.append(one)
            return CacheLookup(held, frozenset(leased), token)

        return ScriptCall(calls, tell)

    def fill(self, token: bytes, copies: Mapping[int, CachedRow]) -> None:
        """Take one round trip."""
        calls = []
        for prefix, part in self._by_shard(copies):
            args: list[bytes | int] = [token]
            for one in part:
                args += (pack((one,)), copies[one].ttl_s, copies[one].packed)
            calls.append(Call((prefix,), args))
        if calls:
            with store_errors():
                self._fill.run_all(calls)

    def renew(self, ids: Collection[int]) -> RefreshTicket:
        """Take one round trip."""
        token = secrets.token_bytes(_TOKEN_BYTES)
        asked = tuple(self._by_shard(ids))
        old: dict[int, bytes] = {}
        with store_errors():
            calls = [Call((prefix,), (token, pack(part))) for prefix, part in asked]
            answers = self._renew.run_all(calls) if calls else ()
        for (_, part), found in zip(asked, answers, strict=True):
            old |= {one: copy for one, copy in zip(part, found, strict=True) if copy != 0}
        return RefreshTicket(old, token)

    def drop(self, ids: Collection[int]) -> None:
        """Take one round trip."""
        with store_errors(), self._client.pipeline(transaction=False) as pipe:
            for prefix, part in self._by_shard(ids):
                pipe.unlink(*(prefix + pack((one,)) for one in part))
            pipe.execute()

    def _by_shard(self, ids: Collection[int]) -> Iterable[tuple[bytes, list[int]]]:
        """Yield key prefixes, each with some of the ids whose keys begin with it; each id once."""
        parts: defaultdict[int, list[int]] = defaultdict(list)
        for one in dict.fromkeys(ids):
            parts[shard_of(one, len(self._prefixes))].append(one)
        for place, part in parts.items():
            for start in range(0, len(part), _IDS_A_CALL):
                yield self._prefixes[place], part[start : start + _IDS_A_CALL]
