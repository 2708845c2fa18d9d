"""The questions that the product and the oracle are both asked about one world."""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

from tests.oracle.views import Oracle
from tests.strategies import DAY, HOUR, START, World
from tests.support.served_answers import Served

Question = tuple[str, dict[str, Any]]

NOWS = (
    START - 1,
    START,
    START + 1,
    START + 6 * HOUR,
    START + 23 * HOUR,
    START + DAY - 1,
    START + DAY,
    START + DAY + 1,
    START + 60 * HOUR,
)


def around(ids: Iterable[int]) -> list[int]:
    """Cursors: each id, whatever became of what it names, and the one above."""
    return sorted({one + d for one in ids for d in (0, 1)})


def questions(world: World) -> Iterator[Question]:
    """Every question a world's people can ask, each view with each viewer."""
    people = (*world.users, world.stranger)
    viewers = (None, *people)
    befores = around(world.posts)
    for reader in people:
        for before in (None, *befores):
            for limit in (1, 2, 20):
                yield "home_feed", {"reader": reader, "before": before, "limit": limit}
        yield "home_walk", {"reader": reader}
        yield "graph", {"user": reader}
        yield "tier", {"author": reader}
        for now in NOWS:
            yield "tray", {"reader": reader, "now": now}
            yield "archive", {"owner": reader, "now": now}
        for before in around(world.stories):
            yield "archive", {"owner": reader, "now": NOWS[-1], "before": before, "limit": 2}
        for viewer in viewers:
            yield "author_feed", {"author": reader, "viewer": viewer}
        for before in befores:
            page: dict[str, Any] = {"viewer": people[0], "before": before, "limit": 2}
            yield "author_feed", {"author": reader, **page}
            yield "highlights", {"author": reader, "viewer": viewer}
            for now in NOWS if viewer is None else NOWS[3:4]:
                yield "stories", {"author": reader, "now": now, "viewer": viewer}
    for now in NOWS:
        for limit in (1, 2, 20):
            yield "trending", {"now": now, "limit": limit}
    for viewer in viewers:
        for tag in world.tags:
            yield "hashtag_feed", {"tag": tag, "viewer": viewer}
        for content_id in world.contents:
            content = {"content_id": content_id, "viewer": viewer}
            yield "thread", content
            yield "likers_page", content
            yield "commenters", content
        for user in people:
            yield "likes", {"user": user, "viewer": viewer}
    for tag, before in product(world.tags, befores):
        page = {"viewer": people[0], "before": before, "limit": 2}
        yield "hashtag_feed", {"tag": tag, **page}
    for content_id in world.contents:
        content = {"content_id": content_id, "viewer": people[0], "limit": 2}
        for after in around(world.comments):
            yield "thread", content | {"after": after}
        for after in around(people):
            yield "likers_page", content | {"after": after}
            yield "commenters", content | {"after": after}
        yield "counts", {"content_id": content_id}
        for user in people:
            yield "viewers", {"story_id": content_id, "as_user": user}


def assert_same_answers(
    served: Served,
    oracle: Oracle,
    world: World,
    *,
    trending_since: int = 0,
) -> None:
    """Every question has one answer. Of trending tags a store may keep only those since some
    instant (ms)."""
    for view, arguments in questions(world):
        if view == "trending" and arguments["now"] < trending_since:
            continue
        told = getattr(served, view)(**arguments)
        right = getattr(oracle, "home_feed" if view == "home_walk" else view)(**arguments)
        assert told == right, f"{view}({arguments})"
