"""Small random networks: valid events as dicts, full of races, mistakes and lies.

An event is drawn without its id; ids are given out afterwards, in any order. Where a draw yields
two events they share one id and one time, so that only the rule of equal stamps decides.
"""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.oracle.validity import Event, refusals
from tests.strategies.world import DAY, EPOCH_MS, EVENT_TIMES, LIFETIMES, START, World

Draft = tuple[Event, ...]

TEXTS = ("a", "b", "", "\x00🜁")
TIES = (
    # two record types, and whether the second is the other user's act
    ("UserFollowed", "UserUnfollowed", False),
    ("UserFollowed", "UserBlocked", False),
    ("UserFollowed", "UserBlocked", True),
    ("UserBlocked", "UserUnblocked", False),
    ("UserMuted", "UserUnmuted", False),
)


def networks(world: World, *topics: str) -> SearchStrategy[list[Event]]:
    """Valid events of the topics (all of them unless named), each with its own event_id."""
    chosen = topics or tuple(TOPICS)
    drafts = st.tuples(*(_several(topic, TOPICS[topic](world)) for topic in chosen))
    return drafts.flatmap(lambda lists: _numbered(world, [d for some in lists for d in some]))


def _several(topic: str, drafts: SearchStrategy[Draft]) -> SearchStrategy[list[Draft]]:
    # Few blocks: where everybody blocks everybody there is nothing to see.
    return st.sampled_from((0, 2, 3) if topic == "blocks" else (0, 5, 10, 15)).flatmap(
        lambda least: st.lists(drafts, min_size=least, max_size=least + 3)
    )


def _numbered(world: World, drafts: list[Draft]) -> SearchStrategy[list[Event]]:
    return st.permutations(range(len(drafts))).map(
        lambda ranks: [
            event | {"event_id": world.event_id(rank)}
            for rank, draft in zip(ranks, drafts, strict=True)
            for event in draft
        ]
    )


def _times() -> SearchStrategy[int]:
    # Some instants more often than others: equal times are what stamps must order.
    return st.sampled_from([START + at for at in (0, 0, 0, 1, *EVENT_TIMES)])


def _created_at(content_id: int) -> int:
    return (content_id >> 22) + EPOCH_MS


def _mostly(usual: int, others: tuple[int, ...]) -> SearchStrategy[int]:
    return st.sampled_from((usual, usual, usual, *others))


@st.composite
def _post(draw: DrawFn, world: World) -> Draft:
    kind = draw(st.sampled_from(("PostCreated",) * 4 + ("PostEdited", "PostEdited", "PostDeleted")))
    post_id = draw(_mostly(world.posts[0], world.posts))
    event: Event = {
        "type": kind,
        "author_id": draw(_mostly(world.owner(post_id), world.users)),
        "post_id": post_id,
        "occurred_at": _created_at(post_id) if kind == "PostCreated" else draw(_times()),
    }
    if kind == "PostDeleted":
        return (event,)
    event |= {
        "text": draw(st.sampled_from(TEXTS)),
        "hashtags": draw(st.lists(st.sampled_from(world.tags), max_size=3)),
        "media": draw(st.lists(st.sampled_from(("m1", "m2")), max_size=2)),
    }
    if kind == "PostCreated":
        for link in ("repost_of", "reply_to"):
            named = draw(st.none() | st.sampled_from((*world.posts, world.unknown)))
            event[link] = named
            # It may be left out, wrong, or be there without an original.
            usual = world.stranger if named is None else world.owner(named)
            event[f"{link}_author"] = draw(st.none() | _mostly(usual, world.users))
    return (event,)


@st.composite
def _story(draw: DrawFn, world: World) -> Draft:
    kind = draw(st.sampled_from(("StoryCreated",) * 5 + ("HighlightAdded",) * 2 + _STORY_KINDS))
    story_id = draw(st.sampled_from((*world.stories[:2] * 3, *world.stories)))
    created_at = _created_at(story_id)
    event: Event = {
        "type": kind,
        "author_id": draw(_mostly(world.owner(story_id), world.users)),
        "story_id": story_id,
        "occurred_at": created_at if kind == "StoryCreated" else draw(_times()),
    }
    if kind == "StoryCreated":
        return (
            event
            | {
                "media_url": draw(st.sampled_from(("u1", "u2"))),
                "caption": draw(st.sampled_from(TEXTS)),
                "expires_at": created_at + draw(st.sampled_from((DAY, DAY, DAY, *LIFETIMES))),
            },
        )
    if kind == "HighlightAdded":
        added = event | {"title": draw(st.sampled_from(("t1", "t2", "")))}
        tied = draw(st.sampled_from((False, False, True)))
        return (added, event | {"type": "HighlightRemoved"}) if tied else (added,)
    return (event,)


_STORY_KINDS = ("HighlightRemoved", "StoryDeleted", "StoryExpired")


def _pair(kind: str, one: int, other: int, at: int) -> Event:
    names = ("follower_id", "followee_id") if "ollow" in kind else ("user_id", "target_id")
    return {"type": kind, names[0]: one, names[1]: other, "occurred_at": at}


@st.composite
def _relation(draw: DrawFn, world: World, kinds: tuple[str, ...]) -> Draft:
    one = draw(_mostly(world.users[0], world.users))
    other = draw(st.sampled_from([user for user in world.users if user != one]))
    at = draw(_times())
    single = st.sampled_from(kinds).map(lambda kind: (_pair(kind, one, other, at),))
    tied = st.sampled_from([tie for tie in TIES if tie[0] in kinds]).map(
        lambda tie: (
            _pair(tie[0], one, other, at),
            _pair(tie[1], *((other, one) if tie[2] else (one, other)), at),
        )
    )
    return draw(st.one_of(single, single, single, tied))


def _follow(world: World) -> SearchStrategy[Draft]:
    return _relation(world, ("UserFollowed",) * 4 + ("UserUnfollowed",))


def _block(world: World) -> SearchStrategy[Draft]:
    return _relation(world, ("UserBlocked", "UserUnblocked", "UserMuted", "UserUnmuted"))


def _about(draw: DrawFn, world: World, *famous: int) -> dict[str, Any]:
    # What is famous draws most of the attention, and most of it one user's.
    content_id = draw(st.sampled_from((*famous * 12, *world.contents)))
    return {
        "user_id": draw(_mostly(world.users[0], world.users)),
        # What the event says of the content may be wrong: the id alone counts.
        "content_kind": draw(st.sampled_from(("POST", "STORY", "COMMENT", "UNKNOWN"))),
        "content_id": content_id,
        "owner_id": draw(_mostly(world.owner(content_id), world.users)),
        "occurred_at": draw(_times()),
    }


@st.composite
def _like(draw: DrawFn, world: World) -> Draft:
    kinds = draw(
        st.sampled_from(
            (("ContentLiked",), ("ContentUnliked",), ("ContentLiked", "ContentUnliked"))
        )
    )
    event = _about(draw, world, world.posts[0], world.stories[1])
    return tuple({"type": kind, **event} for kind in kinds)


@st.composite
def _view(draw: DrawFn, world: World) -> Draft:
    surfaces = ("FEED", "STORY_TRAY", "HIGHLIGHT", "PROFILE", "SEARCH", "UNKNOWN")
    event = {
        "type": "ContentViewed",
        **_about(draw, world, world.stories[1]),
        "surface": draw(st.sampled_from(surfaces)),
        "dwell_ms": draw(st.sampled_from((0, 1500))),
    }
    valid = not refusals(event)
    return (event if valid else event | {"surface": "FEED"},)


@st.composite
def _comment(draw: DrawFn, world: World) -> Draft:
    comment_id = draw(_mostly(world.comments[0], world.comments))
    # A comment has its usual content and writer; the content may also be another comment.
    usual = world.contents[world.comments.index(comment_id) * 3]
    content_id = draw(_mostly(usual, world.contents))
    owner_id = world.owner(content_id)
    writer = world.owner(comment_id)
    if draw(st.sampled_from((True, True, False))):
        return (
            {
                "type": "CommentCreated",
                "user_id": draw(_mostly(writer, world.users)),
                "comment_id": comment_id,
                "content_kind": draw(st.sampled_from(("POST", "STORY", "UNKNOWN"))),
                "content_id": content_id,
                "owner_id": draw(_mostly(owner_id, world.users)),
                "text": draw(st.sampled_from(TEXTS)),
                "reply_to": draw(st.none() | st.sampled_from((*world.comments, world.unknown))),
                "occurred_at": _created_at(comment_id),
            },
        )
    return (
        {
            "type": "CommentDeleted",
            "user_id": draw(st.sampled_from((writer, owner_id, *world.users))),
            "comment_id": comment_id,
            "content_id": content_id,
            "occurred_at": draw(_times()),
        },
    )


@st.composite
def _tier(draw: DrawFn, world: World) -> Draft:
    tiers = st.sampled_from(("REGULAR", "POPULAR", "CELEBRITY"))
    return (
        {
            "type": "AuthorTierChanged",
            "author_id": draw(_mostly(world.users[0], world.users)),
            "tier": draw(tiers),
            "previous_tier": draw(tiers),
            "followers": 10,
            "posts_per_hour": 0.5,
            "occurred_at": draw(_times()),
        },
    )


TOPICS: dict[str, Callable[[World], SearchStrategy[Draft]]] = {
    "posts": _post,
    "stories": _story,
    "follows": _follow,
    "blocks": _block,
    "likes": _like,
    "views": _view,
    "comments": _comment,
    "tiers": _tier,
}
