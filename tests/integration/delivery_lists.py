"""Delivery lists as they lie in the server, read key by key and held to their layout."""

from itertools import pairwise

import redis

from streams.sinks.redis.keys import ID_BYTES, Keys, pack, unpack

_TOP = 1 << 63


def followers(
    client: redis.Redis, keys: Keys, shard: int, author: int, page: int | None = None
) -> list[int]:
    """The readers on a list; `page` is how many one string of it may hold."""
    name = keys.lists(shard) + pack((author,))
    words = _words(client, name)
    if not words:
        assert not list(client.scan_iter(_glob(name))), "pages without a list"
        return []
    if words[0] < _TOP:
        return _checked(words, page)
    assert words[0] == _TOP, "the first pivot is that of 0"
    assert set(client.scan_iter(_glob(name))) == {name, *(name + pack((word,)) for word in words)}
    found: list[int] = []
    for word, following in zip(words, (*words[1:], 2 * _TOP), strict=True):
        ids = _checked(_words(client, name + pack((word,))), page)
        assert word <= ids[0] + _TOP <= ids[-1] + _TOP < following
        found += ids
    return found


def _words(client: redis.Redis, key: bytes) -> tuple[int, ...]:
    value = client.get(key)
    assert isinstance(value, bytes | None)
    return unpack(value or b"")


def _checked(ids: tuple[int, ...], page: int | None) -> list[int]:
    assert ids, "no string is empty"
    assert page is None or len(ids) <= page
    assert all(one < other for one, other in pairwise(ids)), "ascending and unique"
    return list(ids)


def _glob(name: bytes) -> bytes:
    """A pattern for all keys that begin with a name, whatever bytes it has."""
    assert len(name) > ID_BYTES
    return b"".join(b"\\" + bytes((byte,)) for byte in name) + b"*"
