"""What deliveries into 800-entry timelines are compared with: sorted sets, and a bare append."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from redis import Redis

from bench.warm import LIMITS, Batch, Graph, followed_by, ids_before
from streams.sinks.redis.keys import pack

_PIPELINED: Final = 1000
"""Deliveries in one round trip of the pipelined client."""
_PER_CALL: Final = 2000
"""Followers that one call of a script serves."""

_ZADD: Final = """
local keep = -tonumber(ARGV[2]) - 1
for at = 1, #ARGV[1], 8 do
  local key = KEYS[1] .. string.sub(ARGV[1], at, at + 7)
  redis.call('ZADD', key, ARGV[3], ARGV[4])
  redis.call('ZREMRANGEBYRANK', key, 0, keep)
end
"""
_APPEND: Final = """
for at = 1, #ARGV[1], 8 do
  redis.call('APPEND', KEYS[1] .. string.sub(ARGV[1], at, at + 7), ARGV[2])
end
"""


def fill_sorted_sets(client: Redis, graph: Graph) -> None:
    """A sorted set of 800 posts for each reader."""
    entries: Mapping[bytes, int] = {pack((post,)): post for post in ids_before(LIMITS.length)}
    _fill(client, graph, lambda pipe, key: pipe.zadd(key, entries), b"z:")


def fill_strings(client: Redis, graph: Graph) -> None:
    """A string of 800 posts for each reader."""
    packed = pack(ids_before(LIMITS.length))
    _fill(client, graph, lambda pipe, key: pipe.set(key, packed), b"s:")


def pipelined(client: Redis, graph: Graph) -> Callable[[Batch], None]:
    """ZADD and trim by redis-py's pipeline; the followers are at hand in the client."""
    packed = {author: [pack((reader,)) for reader in readers] for author, readers in graph.items()}

    def deliver(batch: Batch) -> None:
        with client.pipeline(transaction=False) as pipe:
            for author, posts in batch.items():
                for post in posts:
                    member = pack((post,))
                    for reader in packed[author]:
                        key = b"z:" + reader
                        pipe.zadd(key, {member: post})
                        pipe.zremrangebyrank(key, 0, -LIMITS.length - 1)
                        if len(pipe) >= 2 * _PIPELINED:
                            pipe.execute()
            pipe.execute()

    return deliver


def scripted(client: Redis, graph: Graph) -> Callable[[Batch], None]:
    """ZADD and trim in a script, the followers as one packed argument."""
    script = client.register_script(_ZADD)

    def call(pipe: Redis, readers: bytes, post: int) -> None:
        script(keys=(b"z:",), args=(readers, LIMITS.length, post, pack((post,))), client=pipe)

    return _called(client, graph, call)


def appended(client: Redis, graph: Graph) -> Callable[[Batch], None]:
    """An append in a script and nothing else: the server's limit."""
    script = client.register_script(_APPEND)

    def call(pipe: Redis, readers: bytes, post: int) -> None:
        script(keys=(b"s:",), args=(readers, pack((post,))), client=pipe)

    return _called(client, graph, call)


def _called(
    client: Redis, graph: Graph, call: Callable[[Redis, bytes, int], None]
) -> Callable[[Batch], None]:
    packed = {author: list(_pages(readers)) for author, readers in graph.items()}

    def deliver(batch: Batch) -> None:
        with client.pipeline(transaction=False) as pipe:
            for author, posts in batch.items():
                for post in posts:
                    for readers in packed[author]:
                        call(pipe, readers, post)
            pipe.execute()

    return deliver


def _pages(readers: Sequence[int]) -> Iterable[bytes]:
    return (pack(readers[start : start + _PER_CALL]) for start in range(0, len(readers), _PER_CALL))


def _fill(
    client: Redis, graph: Graph, put: Callable[[Redis, bytes], object], prefix: bytes
) -> None:
    with client.pipeline(transaction=False) as pipe:
        for reader in followed_by(graph):
            put(pipe, prefix + pack((reader,)))
            if len(pipe) >= 100:
                pipe.execute()
        pipe.execute()
