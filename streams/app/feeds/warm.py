"""Warms the timelines of an author's most recently active followers before they are read."""

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from streams.serving.feed.context_loader import feed_context
from streams.serving.feed.warm_timeline import warm_timeline
from streams.serving.posts import DEFAULT_LIMIT
from streams.serving.read_side import ReadSide
from streams.verification.log_scan import ProgressReporter

_PAGE: Final = 1000
_TOGETHER: Final = 4
"""Number of timelines built at a time: building one is mostly waiting for Cassandra."""


class Made(StrEnum):
    """Outcome for a reader's timeline."""

    WARM = "already warm"
    BUILT = "built"
    FAILED = "not built"
    """The cache could not take the timeline."""


@dataclass(frozen=True, slots=True)
class Warmed:
    """Outcome of warming. `active` of the `followers` have read their feeds recently."""

    author_id: int
    followers: int
    active: int
    chosen: int
    built: int
    already_warm: int
    not_built: int


def warm_followers(side: ReadSide, author: int, top: int, reporter: ProgressReporter) -> Warmed:
    """Build the timelines of the `top` followers who have read their feeds most recently.

    Followers who have not read for 30 days are left out.

    Args:
        side: Stores to read from and to fill.
        author: User whose followers' timelines are built.
        top: Maximum number of timelines.
        reporter: Receives progress.

    Raises:
        StoreUnavailableError: a store does not answer.
    """
    reporter.stage("looking for active followers", 0)
    followers, active = 0, 0
    latest: list[tuple[int, int]] = []  # a heap of (time of last read, reader), the earliest first
    for page in _followers(side, author):
        last_reads = side.caches.activity.last_read_at(page)
        followers, active = followers + len(page), active + len(last_reads)
        for reader, at in last_reads.items():
            if len(latest) < top:
                heapq.heappush(latest, (at, reader))
            else:
                heapq.heappushpop(latest, (at, reader))
        reporter.step(len(page))
    readers = [reader for _, reader in sorted(latest, reverse=True)]
    reporter.stage("warming timelines", len(readers))
    made: Counter[Made] = Counter()
    with ThreadPoolExecutor(_TOGETHER) as pool:
        for each in pool.map(lambda reader: _warm(side, reader), readers):
            made[each] += 1
            reporter.step(1)
    return Warmed(
        author_id=author,
        followers=followers,
        active=active,
        chosen=len(readers),
        built=made[Made.BUILT],
        already_warm=made[Made.WARM],
        not_built=made[Made.FAILED],
    )


def _followers(side: ReadSide, author: int) -> Iterator[Sequence[int]]:
    after = 0
    while page := side.views.graph.followers(author, after, _PAGE):
        yield page
        after = page[-1]


def _warm(side: ReadSide, reader: int) -> Made:
    """Build the timeline, and cache the posts of its first page."""
    relations, held = side.views.rows.relations(reader), side.caches.timelines.read(reader)
    context = feed_context(reader, relations, held)
    timeline = warm_timeline(side.views.posts, reader, context, side.caches)
    if timeline is None:
        return Made.FAILED
    side.views.rows.posts(timeline.ids[:DEFAULT_LIMIT])
    return Made.WARM if timeline is held else Made.BUILT
