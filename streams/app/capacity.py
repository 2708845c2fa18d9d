"""Capacity planning: the memory of a network's caches, and the cost of its deliveries.

Everything follows from bytes and rates that the benchmarks measured; docs/benchmarks.md has their
commands. Machines differ: measure the rates again on the one that the plan is for.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from streams.caching.count_maintainer import INLINE_BELOW
from streams.contracts.times import DAY_S

# `python -m bench memory --size full`, bytes
_ENTRY: Final = 14.2
"""Bytes per entry, of a timeline of 800 entries in use."""
_ID: Final = 8
_LISTED: Final = ((10, 46.8), (100, 17.1), (1_000, 9.2), (100_000, 8.2))
"""(length of a delivery list, bytes per reader on it), lengths ascending."""
_POST: Final = 382
_RELATIONS_KEY: Final = 142
_NO_STORIES: Final = 134
_STORY: Final = 145
_SEEN_KEY: Final = 141
_COUNT_BYTES: Final = 135
_COUNTS_OF_A_POST: Final = 4

# `python -m bench fanout --size full`, with a mean of 500 followers and with the client
_DELIVERIES_A_CPU_S: Final = 331_000


class NetworkSize(NamedTuple):
    """Size of the network that the plan is for; `posts` and `stories` are per user and day."""

    users: int
    warm: float
    """Share (0 to 1) of users who have read recently, and so have a timeline."""
    following: int
    posts: float
    stories: float
    length: int
    """Number of entries in a timeline."""
    replicas: int
    """Number of copies of all data in Redis, the first included."""


class CachePart(NamedTuple):
    """Memory of one kind of data, without replicas."""

    kind: str
    number: float
    bytes: float


class Policy(NamedTuple):
    """Memory, replicas included, and cost of pushes under a fan-out policy."""

    policy: str
    bytes: float
    deliveries_per_s: float
    cpus: float
    """CPU cores of workers and Redis together."""


def parts(network: NetworkSize) -> list[CachePart]:
    """Return the data in Redis once everything that users have read recently is cached."""
    warm = network.users * network.warm
    posts = network.users * network.posts
    shown = network.following * network.stories
    return [
        CachePart("timelines", warm, warm * _timeline(network)),
        CachePart("delivery lists", warm * network.following, _lists(network)),
        CachePart("relations", warm, warm * (_RELATIONS_KEY + _ID * network.following)),
        CachePart("posts of a day", posts, posts * _POST),
        CachePart(
            "tallies of a day's posts", posts * _COUNTS_OF_A_POST, posts * _counts_bytes(network)
        ),
        CachePart(
            "stories, by author",
            network.users,
            network.users * (_NO_STORIES + network.stories * _STORY),
        ),
        CachePart("stories seen", warm, warm * (_SEEN_KEY + _ID * shown)),
    ]


def memory(network: NetworkSize) -> float:
    """Return the bytes of all parts, replicas included."""
    return network.replicas * sum(part.bytes for part in parts(network))


def policies(network: NetworkSize) -> Iterator[Policy]:
    """Yield the policy in use, then its alternatives."""
    yield _policy("push to warm readers", network)
    yield _policy("push to everybody", network._replace(warm=1.0))
    for length in (400, 200):
        if length < network.length:
            yield _policy(f"timelines of {length}", network._replace(length=length))
    # No user has a timeline or is on a delivery list; each page is merged from the authors' posts.
    pulled = {"timelines", "delivery lists"}
    kept = sum(part.bytes for part in parts(network) if part.kind not in pulled)
    yield Policy("pull everything", network.replicas * kept, 0.0, 0.0)


def _policy(name: str, network: NetworkSize) -> Policy:
    posts = network.users * network.posts / DAY_S
    deliveries = posts * network.following * network.warm
    return Policy(name, memory(network), deliveries, deliveries / _DELIVERIES_A_CPU_S)


def _timeline(network: NetworkSize) -> float:
    """Return the bytes of a timeline: entries, whose bytes include the key of the followed set,
    and the followed set itself, which they do not include."""
    return network.length * _ENTRY + _ID * network.following


def _counts_bytes(network: NetworkSize) -> float:
    """Return the bytes of a post's counts if all its warm readers view it."""
    viewers = network.following * network.warm
    return _COUNTS_OF_A_POST * _COUNT_BYTES + (_ID * viewers if viewers < INLINE_BELOW else 0)


def _lists(network: NetworkSize) -> float:
    """Return the bytes of all delivery lists.

    On average an author has as many followers as a user follows; the warm ones are on the list.
    """
    length = max(network.following * network.warm, 1)
    return network.users * length * _listed(length)


def _listed(length: float) -> float:
    """Return the bytes per reader on a list of this length.

    Interpolates linearly between measured lengths; beyond them, takes the nearest.
    """
    for (low, above), (high, below) in pairwise(_LISTED):
        if length <= high:
            return above + (below - above) * (max(length, low) - low) / (high - low)
    return _LISTED[-1][1]
