"""Delivery of posts by walking delivery lists on the server, a bounded piece at a time."""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from streams.sinks.redis.keys import ID_BYTES, Keys, pack, unpack
from streams.sinks.redis.scripts import Call, Script
from streams.views.timeline_cache import Delivery
from streams.views.timeline_limits import TimelineLimits

IDS_PER_PUSH = 256
"""Largest number of posts per part: a timeline takes them in in less than a millisecond."""

PARTS_A_CALL = 1024
"""Largest number of parts passed to a call: about as many as it can look up lists for."""

PART_BYTES = 24
"""Size of a packed part without its posts."""


class _Part(NamedTuple):
    """Posts of one author, ascending and unique, for followers above a cursor."""

    author: int
    cursor: int
    posts: Sequence[int]


class _Parts:
    """Parts, and their packed form, which the script takes."""

    def __init__(self, parts: Sequence[_Part]) -> None:
        self._parts = parts
        self._packed = b"".join(_rows(parts))
        self.posts = pack([post for part in parts for post in part.posts])

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, place: int) -> _Part:
        return self._parts[place]

    def packed(self, start: int) -> bytes:
        """Return up to `PARTS_A_CALL` parts, from part `start` on, in packed form."""
        return self._packed[PART_BYTES * start :][: PART_BYTES * PARTS_A_CALL]


@dataclass(slots=True)
class _Walk:
    """Progress of parts through one shard."""

    shard: int
    parts: _Parts
    left: int
    """Number of followers that the next part is still to be served to."""
    cursor: bytes = b""
    """Packed id of the follower to continue after in the next part; empty if it is not begun."""
    done: int = 0
    """Number of parts that are finished."""
    trims: bytes = b""
    """Packed ids of readers whose timelines have become too long."""

    @property
    def goes_on(self) -> bool:
        return self.done < len(self.parts) or bool(self.trims)

    def advance(self, done: int, left: int, cursor: bytes, trims: bytes) -> None:
        """Add the progress that a call has made."""
        self.done += done
        self.left, self.cursor, self.trims = left, cursor, trims

    def rest(self, place: int, cursor: bytes) -> Iterator[Delivery]:
        """Return what is left of a part that has more followers than were to be served.

        Args:
            place: Index of the part, counted from the first part that is not finished.
            cursor: Packed id of the last follower served.
        """
        author, _, posts = self.parts[self.done + place]
        (last,) = unpack(cursor)
        return (Delivery(author, post, self.shard, last) for post in posts)


class Deliverer:
    """Delivery of posts by calls that each stay within `limits.pushes`.

    A round makes one call per shard.
    """

    def __init__(self, script: Script, keys: Keys, limits: TimelineLimits) -> None:
        self._script = script
        self._keys = keys
        self._limits = limits

    def deliver(self, posts: Mapping[int, Sequence[int]], limit: int) -> Iterator[Delivery]:
        """Serve up to `limit` followers per author and shard; yield the deliveries left."""
        parts = _parts((post, author, 0) for author, ids in posts.items() for post in ids)
        return self._run([_Walk(shard, parts, limit) for shard in self._keys.shards], limit)

    def deliver_pages(self, rests: Iterable[Delivery], limit: int) -> Iterator[Delivery]:
        """Serve the next `limit` followers of each delivery; yield the deliveries that are left.

        A round makes only one call, because these may be long lists and other requests to the
        server wait for all calls of a round.
        """
        shard_of = itemgetter(Delivery._fields.index("shard"))
        for shard, group in groupby(sorted(rests, key=shard_of), shard_of):
            parts = _parts((rest.post_id, rest.author_id, rest.cursor) for rest in group)
            yield from self._run([_Walk(shard, parts, limit)], limit)

    def _run(self, walks: Sequence[_Walk], limit: int) -> Iterator[Delivery]:
        """Run all walks to their ends, one round trip per round; yield the deliveries left."""
        while going := [walk for walk in walks if walk.goes_on]:
            answers = self._script.run_all([self._call(walk, limit) for walk in going])
            for walk, (done, left, cursor, trims, stopped) in zip(going, answers, strict=True):
                for place, last in zip(stopped[::2], stopped[1::2], strict=True):
                    yield from walk.rest(place, last)
                walk.advance(done, left, cursor, trims)

    def _call(self, walk: _Walk, limit: int) -> Call:
        limits, parts = self._limits, walk.parts
        sizes = (limits.pushes, limits.length, limits.slack, limit)
        begun = (walk.left, walk.cursor, walk.trims)
        keys = (self._keys.timelines(walk.shard), self._keys.lists(walk.shard))
        return Call(keys, (*sizes, *begun, parts.packed(walk.done), parts.posts))


def _parts(posts: Iterable[tuple[int, int, int]]) -> _Parts:
    """Return the parts of (post, author, cursor), in the order of the posts.

    In this order most posts go to the end of every timeline. Consecutive posts of one author and
    cursor share parts of up to `IDS_PER_PUSH` posts.
    """
    found: list[_Part] = []
    for (author, cursor), run in groupby(sorted(set(posts)), itemgetter(1, 2)):
        ids = [post for post, _, _ in run]
        starts = range(0, len(ids), IDS_PER_PUSH)
        found += (_Part(author, cursor, ids[start:][:IDS_PER_PUSH]) for start in starts)
    return _Parts(found)


def _rows(parts: Sequence[_Part]) -> Iterator[bytes]:
    start = 0
    for author, cursor, posts in parts:
        past = start + ID_BYTES * len(posts)
        yield struct.pack(">QQII", author, cursor, start, past)
        start = past
