"""Readers with feeds in the durable views, and their pages by the clock."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from statistics import quantiles
from typing import Final, NamedTuple

from bench.report import Report
from streams.app.migrating import migrate_views
from streams.app.read_side import ReadSide, open_read_side
from streams.app.settings import Settings
from streams.app.wiring import durable_views
from streams.contracts.ids import make_id
from streams.projections.effects import CreatePost, Effects, Relation, SetRelation, Stamp
from streams.serving import home_feed
from streams.serving.answers import PostPage
from streams.sinks.cassandra.session import parts

PAGE: Final = 20
_START: Final = 1_735_689_600_000
_MINUTE: Final = 60_000
_BATCH: Final = 2000


class Readers(NamedTuple):
    """Readers who follow as many authors each, numbered from `first` on."""

    first: int
    size: int
    followees: int

    @property
    def ids(self) -> range:
        return range(self.first, self.first + self.size)


@contextmanager
def readers(settings: Settings, groups: Iterable[Readers], posts_each: int) -> Iterator[ReadSide]:
    """The read side of views in which each group follows authors (numbered from 1 on) who have
    written `posts_each` posts, a minute apart from one another."""
    groups, draw = tuple(groups), random.Random(1)
    authors = range(1, max(group.followees for group in groups) + 1)
    migrate_views(settings, lambda _: None)
    with durable_views(settings) as store:
        for posts in parts(_posts(draw, authors, posts_each), _BATCH):
            store.apply(Effects(create_posts=posts))
        for follows in parts((follow for group in groups for follow in _follows(group)), _BATCH):
            store.apply(Effects(relations=follows))
    with open_read_side(settings) as side:
        yield side


def page(side: ReadSide, reader: int) -> PostPage:
    """The newest page of a reader's feed, which must be whole."""
    found = home_feed(
        side.views,
        reader,
        limit=PAGE,
        hot=side.hot,
    )
    assert found.complete
    assert len(found.posts) == PAGE
    return found


def open_loop(
    act: Callable[[int], object], whom: Sequence[int], per_s: float, times: int
) -> list[float]:
    """Acts at a steady rate, whatever they take; milliseconds from when each was due."""
    began, waits = time.perf_counter(), []
    for place in range(times):
        due = began + place / per_s
        time.sleep(max(0.0, due - time.perf_counter()))
        act(whom[place % len(whom)])
        waits.append(1000 * (time.perf_counter() - due))
    return waits


def latencies(report: Report, name: str, waits: Sequence[float]) -> None:
    """The median and the 99th percentile of some milliseconds."""
    percents = quantiles(waits, n=100)
    report.figure(f"{name}: p50", "ms", percents[49])
    report.figure(f"{name}: p99", "ms", percents[98])


def _posts(draw: random.Random, authors: range, each: int) -> Iterator[CreatePost]:
    for place in range(each):
        for author in authors:
            at = _START + _MINUTE * (place * len(authors) + author)
            yield CreatePost(
                post_id=make_id(at, 1, 0),
                author_id=author,
                event_id=make_id(at, 1, 1),
                text="".join(draw.choices("abcdefgh ", k=140)),
                hashtags=(),
                tags=(),
                media=(),
                reply_to=None,
                reply_to_author=None,
                repost_of=None,
                repost_of_author=None,
            )


def _follows(group: Readers) -> Iterator[SetRelation]:
    for reader in group.ids:
        for author in range(1, group.followees + 1):
            yield SetRelation(Relation.FOLLOW, reader, author, Stamp(_START, author))
