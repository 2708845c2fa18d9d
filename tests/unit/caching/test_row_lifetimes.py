"""Lifetimes of cached rows: those of docs/concepts/copies.md, and none beyond a story's end."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from streams.caching.read_through import ReadThroughRows
from streams.contracts.events import Tier
from streams.contracts.ids import make_id
from streams.sinks.memory.row_cache import MemoryRowCache
from streams.sinks.memory.store import MemoryStore
from streams.views.counts import CountKind
from streams.views.effects import CreateStory, Effects, SetTier, Stamp
from streams.views.row_cache import CachedRow, RowCaches
from streams.views.store import Views
from tests.support.feed_events import feed
from tests.support.small_network import AUTHOR, OTHER, READER, follow, post, post_id

DOCS = Path(__file__).parents[3] / "docs" / "concepts" / "copies.md"
NOW = 1_767_225_600_000
MINUTE_S, HOUR_S = 60, 3600


class Lifetimes(MemoryRowCache):
    """Records the lifetime of each cached row."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[int, int] = {}

    def fill(self, token: bytes, rows: Mapping[int, CachedRow]) -> None:
        self.seconds |= {i: row.ttl_s for i, row in rows.items()}
        super().fill(token, rows)


class World:
    """A store behind row caches."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.posts, self.relations = Lifetimes(), Lifetimes()
        self.stories, self.seen = Lifetimes(), Lifetimes()
        self.counts = {kind: Lifetimes() for kind in CountKind}
        caches = RowCaches(self.posts, self.relations, self.counts, self.stories, self.seen)
        self.rows = ReadThroughRows(Views.of(self.store), caches, clock=lambda: NOW)

    def story(self, left_ms: int, number: int = 0) -> None:
        """A story of AUTHOR that shows for so long from NOW on."""
        story = CreateStory(make_id(NOW - 1) + number, AUTHOR, number, "u", "c", NOW + left_ms)
        self.store.apply(Effects(create_stories=[story]))

    def lives(self, author: int = AUTHOR) -> int:
        self.rows.current_stories([author], NOW)
        return self.stories.seconds[author]


@pytest.fixture
def world() -> World:
    return World()


def documented(key: str) -> list[int]:
    """The lifetimes that the table names for the keys of one kind, in seconds."""
    (row,) = re.findall(rf"^\| `{re.escape('{v1.c}')}:{key}:.*$", DOCS.read_text("utf-8"), re.M)
    units = {"h": HOUR_S, "min": MINUTE_S}
    cells = row.split("|")
    return [int(n) * units[unit] for n, unit in re.findall(r"(\d+) (h|min)\b", cells[3])]


def test_relations_live_as_long_as_the_docs_say(world: World) -> None:
    feed(world.store, [[follow(0)]])
    world.rows.relations(READER)
    assert [world.relations.seconds[READER]] == documented("r")


@pytest.mark.parametrize(
    ("tier", "place"), [(Tier.CELEBRITY, 0), (Tier.POPULAR, 1), (Tier.REGULAR, 2), (None, 2)]
)
def test_posts_live_by_the_tier_of_their_author(
    world: World, tier: Tier | None, place: int
) -> None:
    feed(world.store, [[post(1)]])
    if tier is not None:
        world.store.apply(Effects(tiers=[SetTier(AUTHOR, Stamp(1, 1), tier)]))
    world.rows.posts([post_id(1)])
    assert world.posts.seconds[post_id(1)] == documented("p")[place]


@pytest.mark.parametrize("kind", list(CountKind))
def test_counts_live_as_long_as_the_docs_say(world: World, kind: CountKind) -> None:
    world.rows.counts(kind, [1])
    assert [world.counts[kind].seconds[1]] == documented("nl")


def test_what_was_seen_lives_as_long_as_the_docs_say(world: World) -> None:
    world.rows.viewed(READER, [1])
    assert [world.seen.seconds[READER]] == documented("sv")


@pytest.mark.parametrize(
    ("left_ms", "seconds"),
    [(600_000, 600), (600_001, 601), (599_999, 600), (1, 1), (4 * HOUR_S * 1000, 1800)],
)
def test_stories_live_no_longer_than_the_last_of_them_shows(
    world: World, left_ms: int, seconds: int
) -> None:
    world.story(left_ms)
    assert world.lives() == seconds


def test_longest_story_counts(world: World) -> None:
    for number, left_ms in enumerate((100_000, 700_000, 300_000)):
        world.story(left_ms, number)
    assert world.lives() == 700


def test_author_without_stories_has_a_copy_that_lives_by_the_tier(world: World) -> None:
    world.store.apply(Effects(tiers=[SetTier(OTHER, Stamp(1, 1), Tier.CELEBRITY)]))
    assert world.lives(OTHER) == 6 * HOUR_S
    assert world.lives(AUTHOR) == HOUR_S // 2
