"""Verification of the served home feeds against the log, for `storyline verify`.

A live view changes while it is read. So a mismatch is a difference only if the log has nothing new
about that reader; otherwise the reader is compared again, with the log as it is by then.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from streams import host
from streams.contracts.codec import SchemaLookup
from streams.errors import UserError
from streams.serving import home_feed
from streams.serving.feed.context_loader import followed_digest
from streams.serving.feed.feed_caches import FeedCaches
from streams.serving.read_side import ReadSide
from streams.verification.changes_since import readers_with_changes
from streams.verification.compare import FeedDifference, Path, ReadPage, Walk, walk
from streams.verification.expected_feeds import PASSES, TOPICS, FeedFold
from streams.verification.log_scan import ProgressReporter, ScannedLog, Spans, count, everything
from streams.verification.readers import NamedReaders, Readers
from streams.views.store import Views

ROUNDS: Final = 3
PAGE: Final = 20


class VerifiedLine(NamedTuple):
    """Subject of a verification: a log, the feeds served from it, a wait until they catch up."""

    log: ScannedLog
    lookup: SchemaLookup
    side: ReadSide
    catch_up: Callable[[Spans], None]


@dataclass(slots=True)
class VerifyResult:
    """Result of a verification.

    Each reader is in exactly one of `equal`, `differing`, `unanswered` and `unsettled`.
    """

    readers: tuple[int, ...] = ()
    warm: int = 0
    """Number of readers whose stored timeline could answer before it was read here."""
    records: int = 0
    """Number of records of the log up to the ends that were folded, each counted once."""
    refused: int = 0
    """Number of these records that no worker applies: they are, or were, dead letters."""
    pages: int = 0
    posts: int = 0
    rounds: int = 0
    differences: list[FeedDifference] = field(default_factory=list)
    unanswered: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Reader -> the sources that did not answer."""
    unsettled: tuple[int, ...] = ()
    """Readers about which the log had something new in every round."""
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


def verify_feeds(line: VerifiedLine, readers: Readers, reporter: ProgressReporter) -> VerifyResult:
    """Compare the readers' feeds with the log until every reader is settled.

    Args:
        line: Log and served feeds to compare.
        readers: Readers to compare, by name or as a sample.
        reporter: Receives the progress.

    Returns:
        The result after at most `ROUNDS` rounds.

    Raises:
        UserError: The log has no reader to draw, its first records are gone, or the broker does
            not answer.
        RegistryUnavailableError: The schema registry cannot answer now.
    """
    started, verdict = time.monotonic(), VerifyResult()
    while verdict.rounds < ROUNDS:
        verdict.rounds += 1
        spans = everything(line.log, TOPICS)
        fold = FeedFold(line.log, line.lookup, spans, reporter.step)
        reporter.stage("reading the log", sum(count({topic: spans[topic]}) for topic in PASSES))
        ids = fold.run(readers)
        if not ids:
            raise UserError(
                "this log has no follows: there is no reader to draw",
                hint="publish follows first, or name readers with --readers",
            )
        line.catch_up(spans)
        if verdict.rounds == 1:
            verdict.readers = ids
            verdict.records, verdict.refused = count(spans), fold.refused
        left = _round(line, fold, spans, ids, verdict, reporter)
        verdict.unsettled = left
        if not left:
            break
        readers = NamedReaders(left)
    verdict.seconds = time.monotonic() - started
    verdict.peak_mib = host.peak_mebibytes()
    return verdict


def _round(
    line: VerifiedLine,
    fold: FeedFold,
    spans: Spans,
    readers: Sequence[int],
    verdict: VerifyResult,
    reporter: ProgressReporter,
) -> tuple[int, ...]:
    """Compare every reader; return those that differ and about which the log has news."""
    reporter.stage("comparing feeds", len(readers))
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
        reporter.step(1)
    changed = readers_with_changes(line.log, line.lookup, fold, spans, tuple(differences))
    for reader, found in differences.items():
        verdict.unanswered.pop(reader, None)  # it differs, or is compared again
        if reader not in changed:
            verdict.differences += found
    return tuple(sorted(changed))


def _is_warm(side: ReadSide, fold: FeedFold, reader: int) -> bool:
    timeline = side.caches.timelines.read(reader)
    return timeline is not None and timeline.digest == followed_digest(fold.authors(reader))


def _walks(side: ReadSide, fold: FeedFold, reader: int) -> list[Walk]:
    """Compare the reader's feed as read with the caches, and as read without them."""
    expected = fold.feed(reader)
    return [
        walk(reader, Path.CACHE, _pages(side.views, reader, side.caches), expected, PAGE),
        walk(reader, Path.STORE, _pages(side.durable, reader, None), expected, PAGE),
    ]


def _pages(views: Views, reader: int, caches: FeedCaches | None) -> ReadPage:
    return lambda before: home_feed(views, reader, before=before, limit=PAGE, caches=caches)
