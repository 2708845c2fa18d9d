"""Events that decide a post's place in a home feed, found in the partitions of their keys."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import chain
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from aiokafka.partitioner import murmur2

from streams.contracts.batch import Batch, ErrorCode, Rejected
from streams.contracts.catalog import topic_of
from streams.contracts.codec import SchemaLookup, decode
from streams.contracts.events import AuthorTierChanged, Event
from streams.contracts.records import Records
from streams.contracts.rows import events
from streams.kafka.log_reader import Span
from streams.record import RecordPosition
from streams.verification.expected_feeds import BLOCKS, FOLLOWS, POSTS
from streams.verification.log_scan import ProgressReporter, ScannedLog, batches, count

TIERS: Final = topic_of(AuthorTierChanged.__name__).name
_JAVA_INT: Final = 0x7FFFFFFF
_Mask = Callable[[pa.RecordBatch], pa.Array]


class LoggedEvent(NamedTuple):
    """An event and its position; `refused` is (code, message) if no worker applies it."""

    position: RecordPosition
    event: Event
    refused: tuple[ErrorCode, str] | None = None


@dataclass(slots=True)
class FoundEvents:
    """Events found in the log; each list is in the order of the events' times, oldest first."""

    post: list[LoggedEvent] = field(default_factory=list)
    relations: list[LoggedEvent] = field(default_factory=list)
    tiers: list[LoggedEvent] = field(default_factory=list)
    partitions: list[tuple[str, int]] = field(default_factory=list)
    """Topic and partition of everything that was read."""

    def __iter__(self) -> Iterator[LoggedEvent]:
        return chain(self.post, self.relations, self.tiers)


def partition_of(key: int, partitions: int) -> int:
    """Return the partition of a key's records: Java clients' murmur2 of its decimal text."""
    hashed: int = murmur2(b"%d" % key)
    return (hashed & _JAVA_INT) % partitions


class FeedEvents:
    """Search of one log for events. Methods raise UserError and RegistryUnavailableError.

    `found` has the events that the searches so far have found.
    """

    def __init__(self, log: ScannedLog, lookup: SchemaLookup, reporter: ProgressReporter) -> None:
        self._log, self._lookup, self._reporter = log, lookup, reporter
        self.found = FoundEvents()

    def post(self, post_id: int, author: int | None) -> None:
        """Find a post's events. If its author is unknown, every partition is read."""
        keys = None if author is None else {author}
        self.found.post += self._search(POSTS, keys, _is("post_id", post_id))

    def relations(self, reader: int, author: int, originals: Collection[int]) -> None:
        """Find the events of relations that the post's place in the feed depends on.

        These are follows of the author by the reader, and blocks and mutes between the reader and
        the author, or the `originals`: authors of what the post reposts or answers.
        """
        others = sorted({author, *originals} - {reader})
        if author != reader:
            follow = _all(_is("follower_id", reader), _is("followee_id", author))
            self.found.relations += self._search(FOLLOWS, {author}, follow)
        if others:
            pair = _any(
                _all(_is("user_id", reader), _is("target_id", *others)),
                _all(_is("user_id", *others), _is("target_id", reader)),
            )
            self.found.relations += self._search(BLOCKS, {reader, *others}, pair)
        self.found.relations.sort(key=_stamp)

    def tiers(self, author: int) -> None:
        """Find the author's tier changes: how its posts reach readers, and since when."""
        self.found.tiers += self._search(TIERS, {author}, _is("author_id", author))

    def _search(self, topic: str, keys: set[int] | None, mask: _Mask) -> list[LoggedEvent]:
        spans = self._spans(topic, keys)
        self.found.partitions += [(topic, partition) for partition in sorted(spans)]
        self._reporter.stage(f"reading {topic}", count({topic: spans}))
        logged: list[LoggedEvent] = []
        pieces = batches(self._log, topic, {topic: spans}, self._lookup, self._reporter.step)
        for batch, rejected in pieces:
            logged += _logged(batch, mask)
            logged += self._refused(topic, rejected, mask)
        return sorted(logged, key=_stamp)

    def _spans(self, topic: str, keys: set[int] | None) -> Mapping[int, Span]:
        held = self._log.spans(topic)
        if keys is None:
            return held
        return {p: held[p] for p in {partition_of(key, len(held)) for key in keys}}

    def _refused(
        self, topic: str, rejected: Sequence[Rejected], mask: _Mask
    ) -> Iterator[LoggedEvent]:
        """Yield the rejected records that can be decoded; the others do not show their subject."""
        if not rejected:
            return
        reasons = {item.record.position: (item.code, item.message) for item in rejected}
        records = Records.of([item.record for item in rejected])
        for position, event, _ in _logged(decode(records, topic, self._lookup)[0], mask):
            yield LoggedEvent(position, event, reasons[position])


def _logged(batch: Batch, mask: _Mask) -> list[LoggedEvent]:
    rows = {name: columns.filter(mask(columns)) for name, columns in batch.columns.items()}
    return [LoggedEvent(position, event) for position, event in events(Batch(batch.topic, rows))]


def _stamp(logged: LoggedEvent) -> tuple[int, int]:
    return logged.event.occurred_at, logged.event.event_id


def _is(name: str, *ids: int) -> _Mask:
    values = pa.array(ids, pa.int64())
    return lambda columns: pc.is_in(columns.column(name), value_set=values)


def _all(*masks: _Mask) -> _Mask:
    return lambda columns: reduce(pc.and_, (mask(columns) for mask in masks))


def _any(*masks: _Mask) -> _Mask:
    return lambda columns: reduce(pc.or_, (mask(columns) for mask in masks))
