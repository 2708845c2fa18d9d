"""Why a post is in a home feed, or is not: decided from the stores as they are, changing nothing.

The same steps as `streams.serving.home` takes, for one post: a warm timeline answers for what lies
above its floor, the durable store for everything else.
"""

from dataclasses import dataclass
from enum import StrEnum

from streams.projections.ports import (
    Relations,
    StoreUnavailableError,
    TimelineCache,
    ViewReader,
)
from streams.serving.hiding import Rule, hiding_rules
from streams.serving.home import sources_digest


class Way(StrEnum):
    """How a post comes into a feed."""

    OWN = "own"
    """The reader wrote it."""
    PUSH = "push"
    """It lies on the reader's stored timeline."""
    MERGE = "merge"
    """It is merged in from the durable store whenever the feed is read."""


class Fault(StrEnum):
    """What is wrong with the stores where no rule hides a post and yet the feed lacks it."""

    NOT_DELIVERED = "not_delivered"
    """The stored timeline should hold it and does not."""
    NOT_INDEXED = "not_indexed"
    """The durable list of the author's posts lacks it."""


class Warmth(StrEnum):
    """Whether a stored timeline can answer."""

    WARM = "warm"
    COLD = "cold"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Stored:
    """The reader's stored timeline. `floor` is None unless it is warm: it answers above that."""

    warmth: Warmth
    floor: int | None = None
    entries: int = 0
    holds_post: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a post is, or is not, in the home feed of `reader_id`.

    `author_id` is None where the views know no such post. Exactly one of `way`, `rules` and
    `fault` says something.
    """

    reader_id: int
    post_id: int
    author_id: int | None
    way: Way | None
    rules: tuple[Rule, ...]
    fault: Fault | None
    timeline: Stored

    @property
    def in_feed(self) -> bool:
        return self.way is not None


def explain(views: ViewReader, timelines: TimelineCache, reader: int, post_id: int) -> Explanation:
    """What `home_feed` makes of the post now. Raises StoreUnavailableError for the views only."""
    row = views.posts([post_id]).get(post_id)
    relations = views.relations(reader)
    stored = _stored(timelines, reader, relations, post_id)
    rules = hiding_rules(row, reader, relations)
    author = None if row is None else row.author_id
    fault = None if rules or author is None else _fault(views, author, post_id, stored)
    way = None if rules or fault else _way(reader, author, post_id, stored)
    return Explanation(reader, post_id, author, way, rules, fault, stored)


def _stored(timelines: TimelineCache, reader: int, relations: Relations, post_id: int) -> Stored:
    try:
        timeline = timelines.read(reader, sources_digest(relations.following | {reader}))
    except StoreUnavailableError:
        return Stored(Warmth.UNAVAILABLE)
    if timeline is None:
        return Stored(Warmth.COLD)
    return Stored(Warmth.WARM, timeline.floor, len(timeline.ids), post_id in timeline.ids)


def _is_above_floor(stored: Stored, post_id: int) -> bool:
    return stored.floor is not None and post_id > stored.floor


def _fault(views: ViewReader, author: int, post_id: int, stored: Stored) -> Fault | None:
    if _is_above_floor(stored, post_id):
        return None if stored.holds_post else Fault.NOT_DELIVERED
    listed = views.author_posts([author], post_id + 1, 1)[author]
    return None if list(listed) == [post_id] else Fault.NOT_INDEXED


def _way(reader: int, author: int | None, post_id: int, stored: Stored) -> Way:
    if author == reader:
        return Way.OWN
    return Way.PUSH if _is_above_floor(stored, post_id) else Way.MERGE
