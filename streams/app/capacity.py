"""How much memory the caches of a network take, and what its deliveries cost.

Everything follows from bytes and rates that the benchmarks measured; the commands stand in
docs/benchmarks.md. Machines differ: rates are to be measured anew on the one that is planned for.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from streams.caching.count_maintainer import CARRIED

# `python -m bench memory --size full`, bytes
_ENTRY: Final = 14.2
"""Of a timeline of 800 entries in use."""
_ID: Final = 8
_LISTED: Final = ((10, 46.8), (100, 17.1), (1_000, 9.2), (100_000, 8.2))
"""A reader on a delivery list, by the list's length."""
_POST: Final = 382
_RELATIONS_KEY: Final = 142
_NO_STORIES: Final = 134
_STORY: Final = 145
_SEEN_KEY: Final = 141
_TALLY: Final = 135
_TALLIES: Final = 4

# `python -m bench fanout --size full`, with a mean of 500 followers and with the client
_DELIVERIES_A_CPU_S: Final = 331_000

_DAY_S: Final = 86_400


class NetworkSize(NamedTuple):
    """Who is planned for. Shares are of 1; posts and stories are a user's, a day."""

    users: int
    warm: float
    """Users who have read lately, and so have a timeline."""
    following: int
    posts: float
    stories: float
    length: int
    """Entries of a timeline."""
    replicas: int
    """Copies of all data in Redis, the first included."""


class CachePart(NamedTuple):
    """Memory that one kind of data takes, without replicas."""

    kind: str
    number: float
    bytes: float


class Policy(NamedTuple):
    """What would be if it were done so: memory with replicas, and what pushes cost."""

    policy: str
    bytes: float
    deliveries_per_s: float
    cpus: float
    """Of workers and Redis together."""


def parts(network: NetworkSize) -> list[CachePart]:
    """What lies in Redis once everything that is read lately has been read."""
    warm = network.users * network.warm
    posts = network.users * network.posts
    shown = network.following * network.stories
    return [
        CachePart("timelines", warm, warm * _timeline(network)),
        CachePart("delivery lists", warm * network.following, _lists(network)),
        CachePart("relations", warm, warm * (_RELATIONS_KEY + _ID * network.following)),
        CachePart("posts of a day", posts, posts * _POST),
        CachePart("tallies of a day's posts", posts * _TALLIES, posts * _tallies(network)),
        CachePart(
            "stories, by author",
            network.users,
            network.users * (_NO_STORIES + network.stories * _STORY),
        ),
        CachePart("stories seen", warm, warm * (_SEEN_KEY + _ID * shown)),
    ]


def memory(network: NetworkSize) -> float:
    """Bytes of all parts, replicas included."""
    return network.replicas * sum(part.bytes for part in parts(network))


def policies(network: NetworkSize) -> Iterator[Policy]:
    """What is done, and what might be done instead."""
    yield _policy("push to warm readers", network)
    yield _policy("push to everybody", network._replace(warm=1.0))
    for length in (400, 200):
        if length < network.length:
            yield _policy(f"timelines of {length}", network._replace(length=length))
    # Nobody has a timeline or is on a list; each page is merged from the authors' posts.
    pulled = {"timelines", "delivery lists"}
    kept = sum(part.bytes for part in parts(network) if part.kind not in pulled)
    yield Policy("pull everything", network.replicas * kept, 0.0, 0.0)


def _policy(name: str, network: NetworkSize) -> Policy:
    posts = network.users * network.posts / _DAY_S
    deliveries = posts * network.following * network.warm
    return Policy(name, memory(network), deliveries, deliveries / _DELIVERIES_A_CPU_S)


def _timeline(network: NetworkSize) -> float:
    """Of an entry's bytes some are the key of the authors; the authors are not."""
    return network.length * _ENTRY + _ID * network.following


def _tallies(network: NetworkSize) -> float:
    """Of a post that all its warm readers view."""
    viewers = network.following * network.warm
    return _TALLIES * _TALLY + (_ID * viewers if viewers < CARRIED else 0)


def _lists(network: NetworkSize) -> float:
    """Every author is followed by as many warm readers, in the mean, as one follows."""
    length = max(network.following * network.warm, 1)
    return network.users * length * _listed(length)


def _listed(length: float) -> float:
    """Between two lengths that were measured a straight line; below and above, the nearest."""
    for (low, above), (high, below) in pairwise(_LISTED):
        if length <= high:
            return above + (below - above) * (max(length, low) - low) / (high - low)
    return _LISTED[-1][1]
