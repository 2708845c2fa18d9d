"""Formats of cached rows: packed once when they are filled in, unpacked at every read.

A changed layout needs another letter in the keys (`POSTS`, …), so that no process reads an unknown
layout that another process wrote.
"""

import struct
from collections.abc import Iterable
from typing import Any, Final

import orjson

from streams.contracts.events import Tier
from streams.views.counts import CountKind
from streams.views.rows import PostRow, Relations, StoryRow

POSTS: Final = "p"
RELATIONS: Final = "r"
STORIES: Final = "st"
SEEN: Final = "sv"
COUNTS: Final = {
    CountKind.LIKES: "nl",
    CountKind.VIEWS: "vn",
    CountKind.COMMENTS: "nc",
    CountKind.REPOSTS: "nr",
}

_CODES: Final = {Tier.REGULAR: b"R", Tier.POPULAR: b"P", Tier.CELEBRITY: b"C"}
_TIERS: Final = {code[0]: tier for tier, code in _CODES.items()}
_LENGTHS: Final = struct.Struct(">II")


def pack_post(row: PostRow, tier: Tier) -> bytes:
    """Return a letter for the author's tier, then the row as a JSON array."""
    return _CODES[tier] + orjson.dumps(tuple(row))


def tier_of(packed: bytes) -> Tier:
    """Return the author's tier at the time the post or the stories were packed."""
    return _TIERS[packed[0]]


def unpack_post(packed: bytes) -> PostRow:
    """Invert `pack_post`."""
    row: list[Any] = orjson.loads(memoryview(packed)[1:])
    row[3:6] = map(tuple, row[3:6])  # hashtags, tags, media
    return PostRow._make(row)


def pack_relations(relations: Relations) -> bytes:
    """Return the numbers of followed and blocked users (4 bytes each), then all ids (8 bytes each).

    The order of the ids is followed, blocked, muted.
    """
    following, blocked = len(relations.following), len(relations.blocked)
    ids = (i for kind in relations for i in sorted(kind))
    total = following + blocked + len(relations.muted)
    return _LENGTHS.pack(following, blocked) + struct.pack(f">{total}Q", *ids)


def unpack_relations(packed: bytes) -> Relations:
    """Invert `pack_relations`."""
    following, blocked = _LENGTHS.unpack_from(packed)
    ids = struct.unpack_from(f">{(len(packed) - _LENGTHS.size) // 8}Q", packed, _LENGTHS.size)
    return Relations(
        following=frozenset(ids[:following]),
        blocked=frozenset(ids[following : following + blocked]),
        muted=frozenset(ids[following + blocked :]),
    )


def pack_stories(rows: Iterable[StoryRow], since: int, tier: Tier) -> bytes:
    """Return a letter for the author's tier, then a JSON array: `since`, and each row as an array.

    Args:
        rows: All stories of the author that may be visible from `since` on.
        since: Milliseconds since the Unix epoch.
    """
    return _CODES[tier] + orjson.dumps((since, *map(tuple, rows)))


def unpack_stories(packed: bytes) -> tuple[int, list[StoryRow]]:
    """Invert `pack_stories`, without the tier."""
    since, *rows = orjson.loads(memoryview(packed)[1:])
    return since, [StoryRow._make(row) for row in rows]
