"""`storyline verify`: are the home feeds that are served those which the log makes?

A live view goes on while it is read. So what looks different is a difference only if the log
says nothing new of that reader; otherwise the reader is looked at again, from the log as it has
become meanwhile.
"""

import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from streams.contracts.codec import SchemaLookup
from streams.errors import UserError
from streams.serving import home_feed
from streams.serving.feed.context_loader import sources_digest
from streams.serving.feed.feed_caches import FeedCaches
from streams.serving.read_side import ReadSide
from streams.verification.changes_since import readers_with_news
from streams.verification.compare import FeedDifference, Path, ReadPage, Walk, walk
from streams.verification.expected_feeds import PASSES, TOPICS, FeedFold
from streams.verification.log_scan import ProgressReporter, ScannedLog, Spans, count, everything
from streams.verification.readers import NamedReaders, Readers
from streams.views.store import ViewReader

ROUNDS: Final = 3
PAGE: Final = 20


class VerifiedLine(NamedTuple):
    """What is compared: a log, what is served, and a way to wait until it has caught up."""

    log: ScannedLog
    lookup: SchemaLookup
    side: ReadSide
    catch_up: Callable[[Spans], None]


@dataclass(slots=True)
class VerifyResult:
    """What came of it. Readers stand in exactly one of equal, differing, unanswered, unsettled."""

    readers: tuple[int, ...] = ()
    warm: int = 0
    """Readers whose stored timeline could answer before it was read here."""
    records: int = 0
    """Records of the log up to the ends that were folded, each counted once."""
    refused: int = 0
    """Those of them that no worker applies: they are, or were, dead letters."""
    pages: int = 0
    posts: int = 0
    rounds: int = 0
    differences: list[FeedDifference] = field(default_factory=list)
    unanswered: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Reader -> the sources that did not answer."""
    unsettled: tuple[int, ...] = ()
    """Readers of whom the log said something new in every round."""
    seconds: float = 0.0
    peak_mib: int = 0
    """The most memory that this process ever held, in MiB."""

    @property
    def differing(self) -> frozenset[int]:
        return frozenset(difference.reader_id for difference in self.differences)

    @property
    def equal(self) -> int:
        others = len(self.differing) + len(self.unanswered) + len(self.unsettled)
        return len(self.readers) - others

    @property
    def is_proved(self) -> bool:
        return self.equal == len(self.readers)


def judge(line: VerifiedLine, readers: Readers, watcher: ProgressReporter) -> VerifyResult:
    """Compare until every reader is settled, or the rounds are over."""
    started, verdict = time.monotonic(), VerifyResult()
    while verdict.rounds < ROUNDS:
        verdict.rounds += 1
        spans = everything(line.log, TOPICS)
        fold = FeedFold(line.log, line.lookup, spans, watcher.step)
        watcher.stage("reading the log", sum(count({topic: spans[topic]}) for topic in PASSES))
        ids = fold.run(readers)
        if not ids:
            raise UserError(
                "nobody follows anybody in this log: there is no reader to draw",
                hint="publish follows first, or name readers with --readers",
            )
        line.catch_up(spans)
        if verdict.rounds == 1:
            verdict.readers = ids
            verdict.records, verdict.refused = count(spans), fold.refused
        left = _round(line, fold, spans, ids, verdict, watcher)
        verdict.unsettled = left
        if not left:
            break
        readers = NamedReaders(left)
    verdict.seconds = time.monotonic() - started
    verdict.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return verdict


def _round(
    line: VerifiedLine,
    fold: FeedFold,
    spans: Spans,
    readers: Sequence[int],
    verdict: VerifyResult,
    watcher: ProgressReporter,
) -> tuple[int, ...]:
    """Compare every reader; those who differ and of whom there is news are returned."""
    watcher.stage("comparing feeds", len(readers))
    differences: dict[int, list[FeedDifference]] = {}
    for reader in readers:
        is_warm = _is_warm(line.side, fold, reader)  # in every round: it notices a lost server
        verdict.warm += is_warm and verdict.rounds == 1
        for done in _walks(line.side, fold, reader):
            verdict.pages, verdict.posts = verdict.pages + done.pages, verdict.posts + done.posts
            if done.differences:
                differences.setdefault(reader, []).extend(done.differences)
            elif done.unanswered:
                verdict.unanswered[reader] = done.unanswered
        watcher.step(1)
    news = readers_with_news(line.log, line.lookup, fold, spans, tuple(differences))
    for reader, found in differences.items():
        verdict.unanswered.pop(reader, None)  # it differs, or is looked at again
        if reader not in news:
            verdict.differences += found
    return tuple(sorted(news))


def _is_warm(side: ReadSide, fold: FeedFold, reader: int) -> bool:
    timeline = side.hot.timelines.read(reader)
    return timeline is not None and timeline.sources == sources_digest(fold.sources(reader))


def _walks(side: ReadSide, fold: FeedFold, reader: int) -> list[Walk]:
    """The feed through the caches, and without them."""
    right = fold.feed(reader)
    return [
        walk(reader, Path.CACHE, _pages(side.views, reader, side.hot), right, PAGE),
        walk(reader, Path.STORE, _pages(side.durable, reader, None), right, PAGE),
    ]


def _pages(views: ViewReader, reader: int, hot: FeedCaches | None) -> ReadPage:
    return lambda before: home_feed(views, reader, before=before, limit=PAGE, hot=hot)
