"""Small random stars: few people and contents over two weeks, so that everything coincides."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from streams.contracts.tables import (
    DIM_DATE,
    DIM_POSTS,
    DIM_STORIES,
    DIM_USERS,
    FACT_ENGAGEMENT,
    FACT_FOLLOWS,
)
from tests.oracle.lake_answers import Star
from tests.support.lakes import write_table

FIRST = datetime(2026, 2, 27, tzinfo=UTC)  # a Friday: the days cut two ISO weeks
DAYS = 12
_PEOPLE = 30
_CONTENTS = 9
_TYPES = {
    "view": ("POST", "STORY", "COMMENT"),
    "like": ("POST", "STORY", "COMMENT"),
    "unlike": ("POST", "STORY"),
    "comment": ("POST",),
    "repost": ("POST",),
    "story_reply": ("STORY",),
}


def random_star(seed: int, facts: int = 900) -> Star:
    """The same for the same seed."""
    print(f"seed of the star: {seed}")
    draw = random.Random(seed)
    users = list(_users(draw))
    versions: dict[int, list[int]] = {}
    for user in users:
        versions.setdefault(user["user_id"], []).append(user["user_sk"])
    return Star(
        users=users,
        posts=[_made(draw, "post_id", number) for number in range(25)],
        stories=[_made(draw, "story_id", number) for number in range(25)],
        engagement=[_engagement(draw, number, versions) for number in range(facts)],
        follows=[_follow(draw, number) for number in range(facts // 3)],
    )


def write_star(lake: Path, star: Star) -> None:
    """The tables of the star; the facts in two commits."""
    write_table(lake, DIM_USERS, star.users)
    write_table(lake, DIM_POSTS, star.posts)
    write_table(lake, DIM_STORIES, star.stories)
    write_table(lake, DIM_DATE)
    for table, rows in ((FACT_ENGAGEMENT, star.engagement), (FACT_FOLLOWS, star.follows)):
        write_table(lake, table, rows[::2])
        write_table(lake, table, rows[1::2])


def _users(draw: random.Random) -> Iterator[dict[str, Any]]:
    """Some moved, some are gone, some are only inferred; one has facts and no row at all."""
    for user_id in range(1, _PEOPLE):
        fate = draw.choice(("stayed", "moved", "gone", "inferred"))
        handle, country = f"user{user_id}", draw.choice(("DE", "FR", "US"))
        first = {
            "user_sk": user_id * 10,
            "user_id": user_id,
            "handle": None if fate == "inferred" else handle,
            "country": None if fate == "inferred" else country,
            "is_current": fate in ("stayed", "inferred"),
            "is_deleted": fate == "gone",
            "is_inferred": fate == "inferred",
        }
        yield first
        if fate == "moved":
            there = draw.choice((country, "BR"))  # some only changed their handle
            now = {"user_sk": user_id * 10 + 1, "country": there, "handle": f"new{user_id}"}
            yield {**first, **now, "is_current": True}


def _made(draw: random.Random, key: str, number: int) -> dict[str, Any]:
    created = _instant(draw)
    return {
        key: number + 1,
        "author_id": draw.randint(1, 3 * _PEOPLE),
        "created_at": created,
        "created_date": created.date(),
        "is_deleted": draw.random() < 0.2,
    }


def _engagement(draw: random.Random, number: int, versions: dict[int, list[int]]) -> dict[str, Any]:
    kind = draw.choice(tuple(_TYPES))
    at, actor, owner = _instant(draw), draw.randint(1, _PEOPLE), draw.randint(1, _PEOPLE)
    told = kind != "repost" or draw.random() < 0.7
    content_kind = draw.choice(_TYPES[kind])
    content = draw.randint(1, _CONTENTS) + _CONTENTS * tuple(_TYPES["view"]).index(content_kind)
    return {
        "event_id": 10_000 + number,
        "event_date": at.date(),
        "occurred_at": at,
        "event_type": kind,
        "surface": "FEED" if kind == "view" else None,
        "content_kind": content_kind,
        "content_id": content,
        "created_id": number if kind in ("comment", "repost", "story_reply") else None,
        "actor_id": actor,
        "actor_sk": draw.choice(versions.get(actor, [actor * 10])),
        "owner_id": owner if told else None,
        "owner_sk": owner * 10 if told else None,
        "dwell_ms": draw.randint(0, 9000) if kind == "view" else None,
    }


def _follow(draw: random.Random, number: int) -> dict[str, Any]:
    """Ids run against time, several acts share an instant, and some pairs act often."""
    at = _instant(draw).replace(minute=0, second=0)
    crowd = range(1, 6) if draw.random() < 0.6 else range(_PEOPLE, 4 * _PEOPLE)
    follower, followee = draw.sample(crowd, 2)
    return {
        "event_id": 90_000 - number,
        "event_date": at.date(),
        "occurred_at": at,
        "event_type": draw.choice(("follow", "follow", "unfollow")),
        "follower_id": follower,
        "follower_sk": follower * 10,
        "followee_id": followee,
        "followee_sk": followee * 10,
    }


def _instant(draw: random.Random) -> datetime:
    return FIRST + timedelta(seconds=draw.randrange(DAYS * 86_400))


def some_days(draw: random.Random) -> tuple[date, date]:
    """Two days of the star, in order."""
    first, last = sorted(draw.randrange(DAYS) for _ in range(2))
    return (FIRST + timedelta(days=first)).date(), (FIRST + timedelta(days=last)).date()
