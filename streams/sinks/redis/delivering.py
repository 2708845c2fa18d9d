"""Walking delivery lists on the server, a bounded piece at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from streams.projections.ports import Delivery
from streams.sinks.redis.keys import Keys, pack, unpack
from streams.sinks.redis.scripts import Call, Script
from streams.sinks.timelines import TimelineLimits

IDS_PER_PUSH = 256


@dataclass(slots=True)
class _Walk:
    """Posts of one author on their way along one shard's delivery list."""

    shard: int
    author: int
    posts: bytes
    cursor: int
    left: int

    def advance(self, served: int, cursor: bytes) -> bool:
        """Take in what a call did; true when the end of the list is reached."""
        self.left -= served
        if cursor:
            (self.cursor,) = unpack(cursor)
        return not cursor

    def rest(self) -> Iterable[Delivery]:
        posts = unpack(self.posts)
        return (Delivery(self.author, post, self.shard, self.cursor) for post in posts)


class Deliverer:
    """Pushes posts with calls that each stay within `limits.pushes`, one per shard and round."""

    def __init__(self, script: Script, keys: Keys, limits: TimelineLimits) -> None:
        self._script = script
        self._keys = keys
        self._limits = limits

    def deliver(self, posts: Mapping[int, Sequence[int]], limit: int) -> tuple[Delivery, ...]:
        """Serve up to `limit` followers per author and shard; what is left comes back."""
        parts = [(author, part) for author, ids in posts.items() for part in _parts(ids)]
        walks = [
            _Walk(shard, author, part, 0, limit)
            for shard in self._keys.shards
            for author, part in parts
        ]
        return tuple(rest for walk in self._run(walks) for rest in walk.rest())

    def deliver_page(self, rest: Delivery, limit: int) -> Delivery | None:
        """Serve the next `limit` followers of one post in one shard."""
        walk = _Walk(rest.shard, rest.author_id, pack((rest.post_id,)), rest.cursor, limit)
        return next((later for open_walk in self._run([walk]) for later in open_walk.rest()), None)

    def _run(self, walks: Sequence[_Walk]) -> list[_Walk]:
        """Advance all walks (in order of shard) until none may go on; those not at their end."""
        stopped: list[_Walk] = []
        going = walks
        while going:
            ended = self._round(going)
            stopped += [walk for walk in going if walk.left == 0 and id(walk) not in ended]
            going = [walk for walk in going if walk.left > 0 and id(walk) not in ended]
        return stopped

    def _round(self, walks: Sequence[_Walk]) -> set[int]:
        """One call for each shard, together one round trip; identities of the walks that ended."""
        pages = [
            list(group)[: self._limits.pushes] for _, group in groupby(walks, attrgetter("shard"))
        ]
        answers = self._script.run_all([self._call(page) for page in pages])
        return {
            id(walk)
            for page, answer in zip(pages, answers, strict=True)
            for walk, served, cursor in zip(page, answer[::2], answer[1::2], strict=False)
            if walk.advance(served, cursor)
        }

    def _call(self, walks: Sequence[_Walk]) -> Call:
        limits = self._limits
        prefix = self._keys.timelines(walks[0].shard)
        args: list[bytes | int] = [prefix, limits.pushes, limits.length, limits.slack]
        for walk in walks:
            args += (walk.left, pack((walk.cursor,)), walk.posts)
        return Call([self._keys.followers(walk.shard, walk.author) for walk in walks], args)


def _parts(ids: Sequence[int]) -> Iterable[bytes]:
    """The ids packed, ascending and unique, in parts that one timeline takes in under 1 ms."""
    ordered = sorted(set(ids))
    return (
        pack(ordered[start : start + IDS_PER_PUSH])
        for start in range(0, len(ordered), IDS_PER_PUSH)
    )
