"""Pull set in Redis; docs/concepts/celebrities.md describes the protocol."""

import secrets
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeVar

from redis import Redis

from streams.sinks.redis.client import store_errors
from streams.sinks.redis.keys import ID_BYTES, pack, pull_set
from streams.sinks.redis.scripts import Call, Script, ScriptCall, run_calls
from streams.views.pull_set import Pulled

_TOKEN_BYTES = 16
_AUTHORS_PER_CALL = 1000
LOADING_S = 10
"""Seconds after which a load counts as dead."""

_CELL = struct.Struct(">QQ8s")
"""Author, newest pulled post, version."""

_T = TypeVar("_T")


class RedisPullSet:
    """A PullSet in one hash. Each step is one script; each method may be repeated.

    Each method raises StoreUnavailableError if the server cannot serve.
    """

    def __init__(self, client: Redis, *, version: str, loading_s: int = LOADING_S) -> None:
        self._loading_s = loading_s
        self._client = client
        self._key = pull_set(version)
        self._pull = Script(client, "pull")
        self._pulled = Script(client, "pulled")
        self._begin_load = Script(client, "pull_begin_load")
        self._complete_load = Script(client, "pull_complete_load")

    def pull(self, posts: Mapping[int, Collection[int]]) -> None:
        """Store only the newest id of each author, and a new version."""
        newest = {author: max(ids) for author, ids in posts.items() if ids}
        with store_errors():
            for pairs in _pairs(newest):
                self._pull.run(Call((self._key,), (_version(), *pairs)))

    def pulled(self, authors: Collection[int]) -> Mapping[int, Pulled] | None:
        """Take one round trip."""
        pulled = self.pulled_call(authors)
        with store_errors():
            return pulled.decode(run_calls(self._client, pulled.calls))

    def pulled_call(self, authors: Collection[int]) -> ScriptCall[Mapping[int, Pulled] | None]:
        """Return the calls of `pulled`, and the function that decodes their answers.

        Without authors, a call still checks whether the set is complete.
        """
        parts = _parts(tuple(authors)) if authors else ((),)
        calls = [(self._pulled, Call((self._key,), (pack(part),))) for part in parts]
        return ScriptCall(calls, _decode)

    def begin_load(self) -> bytes | None:
        token = secrets.token_bytes(_TOKEN_BYTES)
        with store_errors():
            begun = self._begin_load.run(Call((self._key,), (token, self._loading_s)))
        return token if begun else None

    def complete_load(self, token: bytes, newest: Mapping[int, int]) -> bool:
        """Take one round trip per thousand authors."""
        parts = [*_pairs(newest)] or [()]
        with store_errors():
            return all(
                self._complete_load.run(
                    Call((self._key,), (token, int(n == len(parts)), _version(), *pairs))
                )
                for n, pairs in enumerate(parts, start=1)
            )


def _decode(answers: Sequence[bytes | None]) -> Mapping[int, Pulled] | None:
    found: dict[int, Pulled] = {}
    for cells in answers:
        if cells is None:
            return None
        for author, newest, version in _CELL.iter_unpack(cells):
            found[author] = Pulled(newest, version)
    return found


def _pairs(newest: Mapping[int, int]) -> Iterator[tuple[bytes, ...]]:
    """Yield authors and ids in turn, packed, a thousand authors at a time."""
    for part in _parts(tuple(newest.items())):
        yield tuple(chain.from_iterable((pack((a,)), pack((i,))) for a, i in part))


def _parts(items: tuple[_T, ...]) -> Iterator[tuple[_T, ...]]:
    starts = range(0, len(items), _AUTHORS_PER_CALL)
    return (items[start : start + _AUTHORS_PER_CALL] for start in starts)


def _version() -> bytes:
    return secrets.token_bytes(ID_BYTES)
