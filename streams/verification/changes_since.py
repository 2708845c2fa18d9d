"""Readers whose home feeds may have changed since the log was folded."""

from collections.abc import Collection, Iterable

import pyarrow as pa
import pyarrow.compute as pc

from streams.contracts.batch import Batch
from streams.contracts.codec import SchemaLookup
from streams.kafka.log_reader import Span
from streams.verification.expected_feeds import BLOCKS, FOLLOWS, POSTS, TOPICS, FeedFold
from streams.verification.log_scan import ScannedLog, Spans, batches


def readers_with_changes(
    log: ScannedLog, lookup: SchemaLookup, fold: FeedFold, spans: Spans, readers: Collection[int]
) -> frozenset[int]:
    """Return the readers whose feed may have changed since `spans`, the offsets that `fold` covers.

    Raises:
        UserError: The broker does not answer.
        RegistryUnavailableError: The schema registry cannot answer now.
    """
    if not readers:
        return frozenset()
    rest = {topic: _after(spans, topic, log) for topic in TOPICS}
    people, authors, posts = set[int](), set[int](), set[int]()
    for topic in TOPICS:
        for batch, _ in batches(log, topic, rest, lookup, lambda _: None):
            if topic == FOLLOWS:
                people |= _values(batch, ["follower_id"])
            elif topic == BLOCKS:
                people |= _values(batch, ["user_id", "target_id"])
            elif topic == POSTS:
                authors |= _values(batch, ["author_id"])
                posts |= _values(batch, ["post_id"])
    return frozenset(
        reader
        for reader in readers
        if reader in people
        or not authors.isdisjoint(fold.authors(reader))
        or not posts.isdisjoint(fold.posts_concerning(reader))
    )


def _after(spans: Spans, topic: str, log: ScannedLog) -> dict[int, Span]:
    held = spans[topic]
    return {
        partition: Span(held[partition].end if partition in held else now.start, now.end)
        for partition, now in log.spans(topic).items()
    }


def _values(batch: Batch, fields: Iterable[str]) -> set[int]:
    found = [columns.column(name) for columns in batch.columns.values() for name in fields]
    return set(pc.unique(pa.chunked_array(found)).to_pylist()) if found else set()
