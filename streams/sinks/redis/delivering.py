"""Walking delivery lists on the server, a bounded piece at a time."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from streams.projections.ports import Delivery
from streams.sinks.redis.keys import Keys, pack, unpack
from streams.sinks.redis.scripts import Call, Script
from streams.sinks.timelines import TimelineLimits

IDS_PER_PUSH = 256
"""Posts of one author that a timeline takes in in less than a millisecond."""


class _Part(NamedTuple):
    """Posts of one author, ascending and unique, and both as the script takes them."""

    author: int
    posts: Sequence[int]
    packed: bytes


@dataclass(slots=True)
class _Walk:
    """Parts of a batch on their way through one shard."""

    shard: int
    parts: Sequence[_Part]
    left: int
    """Followers that the first of `parts` is still to be served to, above `cursor`."""
    cursor: bytes

    def advance(self, done: int, left: int, cursor: bytes) -> None:
        """Take in what a call did."""
        self.parts = self.parts[done:]
        self.left, self.cursor = left, cursor

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

    def deliver(self, posts: Mapping[int, Sequence[int]], limit: int) -> tuple[Delivery, ...]:
        """Serve up to `limit` followers per author and shard; what is left comes back."""
        parts = tuple(_parts(posts))
        start = pack((0,))
        walks = [_Walk(shard, parts, limit, start) for shard in self._keys.shards]
        return tuple(self._run(walks, limit))

    def deliver_page(self, rest: Delivery, limit: int) -> Delivery | None:
        """Serve the next `limit` followers of one post in one shard."""
        parts = tuple(_parts({rest.author_id: (rest.post_id,)}))
        walk = _Walk(rest.shard, parts, limit, pack((rest.cursor,)))
        return next(self._run([walk], limit), None)

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
        parts = b"".join(part.packed for part in walk.parts[: limits.pushes])
        sizes = (limits.pushes, limits.length, limits.slack, limit)
        keys = (self._keys.timelines(walk.shard), self._keys.lists(walk.shard))
        return Call(keys, (*sizes, walk.left, walk.cursor, parts))


def _parts(posts: Mapping[int, Sequence[int]]) -> Iterator[_Part]:
    """Posts in the order of their ids, so that most of them go to the end of every timeline;
    those of one author that follow one another are one part."""
    ordered = sorted({(post, author) for author, ids in posts.items() for post in ids})
    for author, run in groupby(ordered, itemgetter(1)):
        ids = [post for post, _ in run]
        for start in range(0, len(ids), IDS_PER_PUSH):
            part = ids[start : start + IDS_PER_PUSH]
            yield _Part(author, part, struct.pack(f">QH{len(part)}Q", author, len(part), *part))
