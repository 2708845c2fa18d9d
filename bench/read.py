"""Readers with feeds in the durable views, and their pages by the clock."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import quantiles
from typing import Final, NamedTuple

from bench.report import Report
from streams.app.migrate import migrate_views
from streams.app.read_side import open_read_side
from streams.app.settings import Settings
from streams.app.stores import durable_views
from streams.contracts.ids import make_id
from streams.serving import home_feed
from streams.serving.read_side import ReadSide
from streams.serving.responses import PostPage
from streams.sinks.cassandra.session import parts
from streams.views.effects import CreatePost, Effects, PullPost, Relation, SetRelation, Stamp

PAGE: Final = 20
START: Final = 1_735_689_600_000
"""Nobody writes earlier (ms)."""
_MINUTE: Final = 60_000
_BATCH: Final = 2000


class Readers(NamedTuple):
    """Readers who follow the same authors, numbered from `first` and `author` on."""

    first: int
    size: int
    followees: int
    author: int = 1
    pulled: int = 0
    """Of so many of the authors, readers pull all posts."""

    @property
    def ids(self) -> range:
        return range(self.first, self.first + self.size)

    @property
    def authors(self) -> range:
        return range(self.author, self.author + self.followees)


@contextmanager
def readers(settings: Settings, groups: Iterable[Readers], posts_each: int) -> Iterator[ReadSide]:
    """The read side of views in which each group's authors have written `posts_each` posts in the
    mean, a minute apart in the mean."""
    groups, draw = tuple(groups), random.Random(1)
    authors = sorted({author for group in groups for author in group.authors})
    written = _written(draw, authors, posts_each)
    migrate_views(settings, lambda _: None)
    with durable_views(settings) as store:
        for posts in parts(_posts(draw, written), _BATCH):
            store.apply(Effects(create_posts=posts))
        pulls = (pull for group in groups for pull in _pulls(group, written))
        for pulled in parts(pulls, _BATCH):
            store.apply(Effects(pulls=pulled))
        for follows in parts((follow for group in groups for follow in _follows(group)), _BATCH):
            store.apply(Effects(relations=follows))
    with open_read_side(settings) as side:
        yield side


def plain_post(post_id: int, author: int, text: str = "") -> CreatePost:
    """A post that is neither a reply nor a repost, without tags and media."""
    return CreatePost(
        post_id=post_id,
        author_id=author,
        event_id=post_id + 1,
        text=text,
        hashtags=(),
        tags=(),
        media=(),
        reply_to=None,
        reply_to_author=None,
        repost_of=None,
        repost_of_author=None,
    )


def page(side: ReadSide, reader: int) -> PostPage:
    """The newest page of a reader's feed, which must be whole."""
    found = home_feed(
        side.views,
        reader,
        limit=PAGE,
        caches=side.caches,
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


def _written(draw: random.Random, authors: Sequence[int], each: int) -> Mapping[int, int]:
    """Post -> author, oldest first: `each` an author in the mean, at random times. Some write far
    more than others (a Pareto distribution)."""
    weights = [draw.paretovariate(1.3) for _ in authors]
    scale, span = each * len(authors) / sum(weights), _MINUTE * each * len(authors)
    writers = [
        author
        for author, weight in zip(authors, weights, strict=True)
        for _ in range(max(1, round(scale * weight)))
    ]
    ids = (
        make_id(START + draw.randrange(span), number % 1024, number // 1024)
        for number in range(len(writers))
    )
    return dict(sorted(zip(ids, writers, strict=True)))


def _posts(draw: random.Random, written: Mapping[int, int]) -> Iterator[CreatePost]:
    for post_id, author in written.items():
        yield plain_post(post_id, author, "".join(draw.choices("abcdefgh ", k=140)))


def _pulls(group: Readers, written: Mapping[int, int]) -> Iterator[PullPost]:
    pulled = frozenset(group.authors[: group.pulled])
    for post_id, author in written.items():
        if author in pulled:
            yield PullPost(author, post_id)


def _follows(group: Readers) -> Iterator[SetRelation]:
    for reader in group.ids:
        for author in group.authors:
            yield SetRelation(Relation.FOLLOW, reader, author, Stamp(START, author))
