"""Expected home feeds of a few readers, folded from the log.

Only events that concern the readers are kept. Columns are filtered before any event becomes an
object, so that millions of follows cost a pass over the log and next to no memory.

The fold shares with the live views the decoder, the rules of validity and the projections, which
define what an event means. It does not share workers, delivery, tasks, caches, both stores and
their conflict resolution, and the merging and paging of reads. A fault in a projection is thus not
found here; the tests check projections against an oracle of their own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from streams.contracts.batch import Batch
from streams.contracts.codec import SchemaLookup
from streams.projections.projection import NO_FACTS
from streams.projections.registry import project
from streams.serving.feed.visibility_rules import hiding_rules
from streams.serving.posts import hydrate
from streams.serving.responses import Post
from streams.sinks.memory.store import MemoryStore
from streams.verification.log_scan import Report, ScannedLog, Spans, batches
from streams.verification.readers import Readers
from streams.views.effects import Effects
from streams.views.rows import Relations

FOLLOWS: Final = "social.follows.v1"
BLOCKS: Final = "social.blocks.v1"
POSTS: Final = "social.posts.v1"
TOPICS: Final = (FOLLOWS, BLOCKS, POSTS)
"""Topics that a home feed is made of."""
PASSES: Final = (FOLLOWS, BLOCKS, POSTS, POSTS)
"""Topics in the order of reading: posts first for the ids that matter, then for their events."""

_ALL: Final = 1 << 62
_Mask = Callable[[pa.RecordBatch], pa.Array]


class FeedFold:
    """Fold of the log into the home feeds of some readers."""

    def __init__(self, log: ScannedLog, lookup: SchemaLookup, spans: Spans, report: Report) -> None:
        self._log, self._lookup, self._spans, self._report = log, lookup, spans, report
        self._relations: dict[int, MemoryStore] = {}
        self._store = MemoryStore()
        self._refused: dict[str, int] = {}

    def run(self, readers: Readers) -> tuple[int, ...]:
        """Read the log and return the readers' ids, ascending.

        Raises:
            UserError: The broker does not answer.
            RegistryUnavailableError: The schema registry cannot answer now.
        """
        follows = self._follows(readers)
        self._relations = {reader: MemoryStore() for reader in readers.ids}
        self._relate(FOLLOWS, follows)
        self._blocks()
        needed = self._needed_posts()
        for batch in self._batches(POSTS):
            columns = _filtered(batch, lambda rows: _is_in(rows, "post_id", needed))
            self._store.apply(project(Batch(POSTS, columns), NO_FACTS).effects)
        return readers.ids

    @property
    def refused(self) -> int:
        """Number of records that no worker applies."""
        return sum(self._refused.values())

    def authors(self, reader: int) -> frozenset[int]:
        """Return the users whose posts may be in the feed: the followed ones and the reader."""
        return self._relations_of(reader).following | {reader}

    def feed(self, reader: int) -> tuple[Post, ...]:
        """Return the whole home feed, newest first."""
        relations = self._relations_of(reader)
        rows = self._store.posts(self._ids(self.authors(reader)))
        return hydrate(
            self._store,
            (
                rows[post_id]
                for post_id in sorted(rows, reverse=True)
                if not hiding_rules(rows[post_id], reader, relations)
            ),
        )

    def posts_concerning(self, reader: int) -> frozenset[int]:
        """Return ids of posts whose events may change the feed.

        These are the posts of the sources, and the posts that these repost or answer.
        """
        rows = self._store.posts(self._ids(self.authors(reader)))
        originals = (i for row in rows.values() for i in (row.repost_of, row.reply_to))
        return frozenset(rows) | {i for i in originals if i is not None}

    def _relations_of(self, reader: int) -> Relations:
        return self._relations[reader].relations(reader)

    def _ids(self, authors: Iterable[int]) -> list[int]:
        listed = self._store.author_posts(list(authors), None, _ALL)
        return [post_id for ids in listed.values() for post_id in ids]

    def _follows(self, readers: Readers) -> dict[str, list[pa.RecordBatch]]:
        """Return the readers' rows: record type -> one batch for each batch of the log.

        Users that fall out of a sample during the pass are kept until its end, then dropped.
        """
        kept: dict[str, list[pa.RecordBatch]] = {}
        for batch in self._batches(FOLLOWS):
            if (followed := batch.columns.get("UserFollowed")) is not None:
                readers.notice(followed.column("follower_id"))
            for record_type, columns in batch.columns.items():
                rows = columns.filter(readers.may_be(columns.column("follower_id")))
                kept.setdefault(record_type, []).append(rows)
        ids = pa.array(readers.ids, pa.int64())
        return {
            record_type: [rows.filter(_is_in(rows, "follower_id", ids)) for rows in pieces]
            for record_type, pieces in kept.items()
        }

    def _blocks(self) -> None:
        ids = pa.array(self._relations, pa.int64())
        for batch in self._batches(BLOCKS):
            concerned = _filtered(
                batch,
                lambda columns: pc.or_(
                    _is_in(columns, "user_id", ids), _is_in(columns, "target_id", ids)
                ),
            )
            self._relate(BLOCKS, {name: [rows] for name, rows in concerned.items()})

    def _relate(self, topic: str, pieces: Mapping[str, list[pa.RecordBatch]]) -> None:
        """Apply a topic's changes of relations to a store for each reader.

        With a store of its own, a reader's relations are found without a search of all others'.
        """
        columns = {name: pa.concat_batches(rows) for name, rows in pieces.items() if rows}
        for change in project(Batch(topic, columns), NO_FACTS).effects.relations:
            for user in (change.user_id, change.target_id):
                if user in self._relations:
                    self._relations[user].apply(Effects(relations=[change]))

    def _needed_posts(self) -> pa.Array:
        """Return ids of all posts the sources ever wrote, and of those that they repost or answer.

        Events are selected by these ids, not by author: of two creates of one id the one with the
        smaller `event_id` counts, by any author.
        """
        authors = {author for reader in self._relations for author in self.authors(reader)}
        values, found = pa.array(authors, pa.int64()), [pa.array([], pa.int64())]
        for batch in self._batches(POSTS):
            created = _filtered(batch, lambda columns: _is_in(columns, "author_id", values)).get(
                "PostCreated"
            )
            if created is not None:
                links = ("post_id", "repost_of", "reply_to")
                found += [created.column(link).drop_null() for link in links]
        return pc.unique(pa.concat_arrays(found))

    def _batches(self, topic: str) -> Iterator[Batch]:
        refused = 0
        for batch, rejected in batches(self._log, topic, self._spans, self._lookup, self._report):
            refused += len(rejected)
            yield batch
        self._refused[topic] = refused


def _filtered(batch: Batch, mask: _Mask) -> dict[str, pa.RecordBatch]:
    rows = {name: columns.filter(mask(columns)) for name, columns in batch.columns.items()}
    return {name: columns for name, columns in rows.items() if len(columns)}


def _is_in(columns: pa.RecordBatch, field: str, values: pa.Array) -> pa.Array:
    return pc.is_in(columns.column(field), value_set=values)
