"""The judge of the facts, on cases counted by hand."""

from datetime import date

from tests.oracle.lake_facts import engagement, follows
from tests.oracle.validity import DAY_MS, EPOCH_MS, Event

DAY = 400
AT = EPOCH_MS + DAY * DAY_MS
TODAY, TOMORROW = date(2011, 2, 5), date(2011, 2, 6)


def made(at: int, low: int = 1) -> int:
    """An id of something made at `at`."""
    return ((at - EPOCH_MS) << 22) + low


def event(kind: str, event_id: int, at: int = AT, **fields: object) -> Event:
    about = {"user_id": 5, "content_kind": "POST", "content_id": 7, "owner_id": 9}
    return {"type": kind, "event_id": event_id, "occurred_at": at, **about, **fields}


def post(event_id: int, post_id: int, **fields: object) -> Event:
    at = (post_id >> 22) + EPOCH_MS
    plain = {"type": "PostCreated", "author_id": 5, "post_id": post_id, "text": "x"}
    return {"event_id": event_id, "occurred_at": at, **plain, **fields}


def comment(event_id: int, comment_id: int, kind: str = "POST") -> Event:
    at = (comment_id >> 22) + EPOCH_MS
    return event("CommentCreated", event_id, at, comment_id=comment_id, content_kind=kind, text="x")


def test_each_kind_is_counted_on_its_day_and_repetitions_once() -> None:
    events = [
        event("ContentLiked", 1),
        event("ContentLiked", 1),
        event("ContentUnliked", 2, AT + DAY_MS),
        event("ContentViewed", 3, surface="FEED", dwell_ms=5),
        comment(4, made(AT)),
        comment(5, made(AT, 2), "STORY"),
        post(6, made(AT, 3)),
        post(7, made(AT, 4), repost_of=7, repost_of_author=9),
        event("CommentDeleted", 8, comment_id=made(AT)),
    ]
    assert engagement(events) == {
        ("like", TODAY): 1,
        ("unlike", TOMORROW): 1,
        ("view", TODAY): 1,
        ("comment", TODAY): 1,
        ("story_reply", TODAY): 1,
        ("repost", TODAY): 1,
    }


def test_of_two_creates_the_smaller_event_counts_whichever_comes_first() -> None:
    repost = post(9, made(AT), repost_of=7)
    plain = post(3, made(AT))
    assert engagement([repost, plain]) == engagement([plain, repost]) == {}
    first, second = comment(4, made(AT)), comment(5, made(AT), "STORY")
    assert engagement([second, first]) == {("comment", TODAY): 1}


def test_what_must_be_refused_is_not_counted() -> None:
    assert not engagement([event("ContentLiked", -1), comment(4, made(AT), "COMMENT")])


def test_follows_are_counted_each() -> None:
    pair = {"follower_id": 1, "followee_id": 2}
    events = [
        {"type": "UserFollowed", "event_id": 1, "occurred_at": AT, **pair},
        {"type": "UserFollowed", "event_id": 1, "occurred_at": AT, **pair},
        {"type": "UserUnfollowed", "event_id": 2, "occurred_at": AT, **pair},
        {"type": "UserFollowed", "event_id": 3, "occurred_at": AT, **pair | {"followee_id": 1}},
    ]
    assert follows(events) == {("follow", TODAY): 1, ("unfollow", TODAY): 1}
