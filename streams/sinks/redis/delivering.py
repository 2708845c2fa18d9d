"""Walking delivery lists on the server, a bounded piece at a time."""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from streams.projections.ports import Delivery
from streams.sinks.redis.keys import Keys, unpack
from streams.sinks.redis.scripts import Call, Script
from streams.sinks.timelines import TimelineLimits

IDS_PER_PUSH = 256
"""Posts of one author that a timeline takes in in less than a millisecond."""

PARTS_AT_FIRST = 256
"""Parts that the first call is told of."""

SHARDS_A_ROUND = 4
"""Calls of the delivery worker that a server may have to answer in a row."""


class _Part(NamedTuple):
    """Posts of one author, ascending and unique, for followers above a cursor; and all of it as
    the script takes it."""

    author: int
    posts: Sequence[int]
    packed: bytes


@dataclass(slots=True)
class _Walk:
    """Parts of a batch on their way through one shard."""

    shard: int
    parts: Sequence[_Part]
    left: int
    """Followers that the first of `parts` is still to be served to …"""
    cursor: bytes = b""
    """… above this one, if that part has been begun."""
    sent: int = PARTS_AT_FIRST
    """Parts that the next call is told of: about twice as many as the last one came through."""

    def advance(self, done: int, left: int, cursor: bytes) -> None:
        """Take in what a call did."""
        self.parts = self.parts[done:]
        self.left, self.cursor = left, cursor
        self.sent = 2 * (done + 1)

    def rest(self, place: int, cursor: bytes) -> Iterator[Delivery]:
        """What is left of a part whose list is longer than was to be served."""
        author, posts, _ = self.parts[place]
        (last,) = unpack(cursor)
        return (Delivery(author, post, self.shard, last) for post in posts)


class Deliverer:
    """Pushes posts with calls that each stay within `limits.pushes`, one per shard and round."""

    def __init__(self, script: Script, keys: Keys, limits: TimelineLimits) -> None:
        self._script = script
        self._keys = keys
        self._limits = limits

    def deliver(self, posts: Mapping[int, Sequence[int]], limit: int) -> Iterator[Delivery]:
        """Serve up to `limit` followers per author and shard; what is left comes back."""
        parts = _parts((post, author, 0) for author, ids in posts.items() for post in ids)
        return self._run([_Walk(shard, parts, limit) for shard in self._keys.shards], limit)

    def deliver_pages(self, rests: Iterable[Delivery], limit: int) -> Iterator[Delivery]:
        """Serve the next `limit` followers of each rest, few shards at a time, for these may be
        long lists, and other people's posts wait for a round; what is left comes back."""
        shard_of = itemgetter(Delivery._fields.index("shard"))
        walks = [
            _Walk(shard, _parts((one.post_id, one.author_id, one.cursor) for one in some), limit)
            for shard, some in groupby(sorted(rests, key=shard_of), shard_of)
        ]
        for start in range(0, len(walks), SHARDS_A_ROUND):
            yield from self._run(walks[start : start + SHARDS_A_ROUND], limit)

    def _run(self, walks: Sequence[_Walk], limit: int) -> Iterator[Delivery]:
        """Carry all walks to their ends, a round trip for each round; yields what is left."""
        while going := [walk for walk in walks if walk.parts]:
            answers = self._script.run_all([self._call(walk, limit) for walk in going])
            for walk, (done, left, cursor, stopped) in zip(going, answers, strict=True):
                for place, last in zip(stopped[::2], stopped[1::2], strict=True):
                    yield from walk.rest(place, last)
                walk.advance(done, left, cursor)

    def _call(self, walk: _Walk, limit: int) -> Call:
        limits = self._limits
        told = min(walk.sent, limits.pushes)
        parts = b"".join(part.packed for part in walk.parts[:told])
        sizes = (limits.pushes, limits.length, limits.slack, limit)
        keys = (self._keys.timelines(walk.shard), self._keys.lists(walk.shard))
        return Call(keys, (*sizes, walk.left, walk.cursor, parts))


def _parts(posts: Iterable[tuple[int, int, int]]) -> Sequence[_Part]:
    """Parts of (post, author, cursor), in the order of the posts, so that most of them go to the
    end of every timeline; those of one author that follow one another are one part."""
    found: list[_Part] = []
    for (author, cursor), run in groupby(sorted(set(posts)), itemgetter(1, 2)):
        ids = [post for post, _, _ in run]
        for start in range(0, len(ids), IDS_PER_PUSH):
            some = ids[start : start + IDS_PER_PUSH]
            packed = struct.pack(f">QQH{len(some)}Q", author, cursor, len(some), *some)
            found.append(_Part(author, some, packed))
    return found
