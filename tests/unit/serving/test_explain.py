"""Every rule that hides a post is named, with the events that made it so and where they lie."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from streams.cli.feeds.explain_output import DEFECTS, PATHS, RULES, print_answer
from streams.contracts.batch import ErrorCode
from streams.serving import home_feed
from streams.serving.feed.explain import FeedDefect, FeedPath, TimelineState
from streams.serving.feed.visibility_rules import HideReason
from streams.serving.read_side import ReadSide
from streams.sinks.memory.pull_set import MemoryPullSet
from streams.sinks.memory.store import MemoryStore
from streams.sinks.memory.timeline_cache import MemoryTimelineCache
from streams.verification.explain import ExplainedPost, answer, answer_json
from streams.verification.feed_events import partition_of
from streams.views.effects import Effects, PullPost
from streams.views.store import Views
from tests.integration.test_messaging import JAVA_MURMUR2
from tests.oracle.validity import Event
from tests.support.feed_events import feed
from tests.support.memory_log import PARTITIONS, GoneTimelines, MemoryLog, Unwatched, schema_text
from tests.support.memory_side import feed_caches, memory_side, with_timelines
from tests.support.small_network import (
    AUTHOR,
    OTHER,
    READER,
    STRANGER,
    deleted,
    edited,
    follow,
    pair,
    post,
    post_id,
    tier_changed,
)

REPOST = {"repost_of": post_id(1), "repost_of_author": OTHER}
REPLY = {"reply_to": post_id(1), "reply_to_author": OTHER}


class Case(NamedTuple):
    """What happened, besides things that do not matter; and why the post at 10 is hidden."""

    name: str
    events: Sequence[Event]
    rules: tuple[HideReason, ...]
    told: tuple[str, ...]
    """The events that the answer names, oldest first: the post's, then those of relations."""


CASES = (
    Case("unknown", [follow(5)], (HideReason.UNKNOWN_POST,), ()),
    Case(
        "deleted",
        [follow(5), post(10), deleted(20, 10)],
        (HideReason.DELETED,),
        ("PostCreated", "PostDeleted", "UserFollowed"),
    ),
    Case("never followed", [post(10)], (HideReason.NOT_FOLLOWED,), ("PostCreated",)),
    Case(
        "unfollowed",
        [follow(5), post(10), follow(20, kind="Unfollowed")],
        (HideReason.NOT_FOLLOWED,),
        ("PostCreated", "UserFollowed", "UserUnfollowed"),
    ),
    Case(
        "blocked by the reader",
        [follow(5), post(10), pair(20, "Blocked", READER, AUTHOR)],
        (HideReason.NOT_FOLLOWED, HideReason.BLOCKED),
        ("PostCreated", "UserFollowed", "UserBlocked"),
    ),
    Case(
        "blocked by the author, followed during the block",
        [post(10), pair(20, "Blocked", AUTHOR, READER), follow(25)],
        (HideReason.BLOCKED,),
        ("PostCreated", "UserBlocked", "UserFollowed"),
    ),
    Case(
        "a block that was lifted restores no follow",
        [
            follow(5),
            post(10),
            pair(20, "Blocked", AUTHOR, READER),
            pair(30, "Unblocked", AUTHOR, READER),
        ],
        (HideReason.NOT_FOLLOWED,),
        ("PostCreated", "UserFollowed", "UserBlocked", "UserUnblocked"),
    ),
    Case(
        "muted",
        [follow(5), post(10), pair(20, "Muted", READER, AUTHOR)],
        (HideReason.MUTED,),
        ("PostCreated", "UserFollowed", "UserMuted"),
    ),
    Case(
        "reposted from somebody blocked",
        [follow(5), post(10, **REPOST), pair(20, "Blocked", OTHER, READER)],
        (HideReason.ORIGINAL_AUTHOR_BLOCKED,),
        ("PostCreated", "UserFollowed", "UserBlocked"),
    ),
    Case(
        "answer to somebody muted",
        [follow(5), post(10, **REPLY), pair(20, "Muted", READER, OTHER)],
        (HideReason.ORIGINAL_AUTHOR_MUTED,),
        ("PostCreated", "UserFollowed", "UserMuted"),
    ),
    Case(
        "everything at once",
        [
            post(10, **REPLY),
            deleted(11, 10),
            pair(20, "Muted", READER, OTHER),
            pair(21, "Muted", READER, AUTHOR),
            pair(22, "Blocked", READER, OTHER),
            pair(23, "Blocked", AUTHOR, READER),
        ],
        tuple(rule for rule in HideReason if rule is not HideReason.UNKNOWN_POST),
        ("PostCreated", "PostDeleted", "UserMuted", "UserMuted", "UserBlocked", "UserBlocked"),
    ),
)
NOISE = [
    post(1, OTHER),
    post(2, STRANGER),
    edited(3, 1, OTHER),
    follow(4, STRANGER),
    follow(6, READER, STRANGER),
    pair(7, "Blocked", AUTHOR, STRANGER),
]


def side_of(events: Sequence[Event]) -> ReadSide:
    store = MemoryStore()
    feed(store, [list(events)])
    return memory_side(store, MemoryTimelineCache(shards=2))


def explained(
    events: Sequence[Event], *, side: ReadSide | None = None, log: MemoryLog | None = None
) -> ExplainedPost:
    """Why the reader sees the post at 10, or not."""
    log = MemoryLog(events) if log is None else log
    side = side_of(events) if side is None else side
    return answer(side, log, schema_text, READER, post_id(10), Unwatched())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_rule_is_named_with_its_events(case: Case) -> None:
    told = explained([*NOISE, *case.events])
    assert told.why.rules == case.rules
    assert not told.why.in_feed
    names = [type(one.event).__name__ for one in (*told.found.post, *told.found.relations)]
    assert tuple(names) == case.told


def test_events_are_told_with_the_places_where_they_lie() -> None:
    events = [*NOISE, follow(5), post(10), edited(15, 10), pair(20, "Muted", READER, AUTHOR)]
    log = MemoryLog(events)
    told = explained(events, log=log)
    for one in (*told.found.post, *told.found.relations):
        assert log.event_at(one.position) == one.event
    shown = answer_json(told)["events"]
    assert [event["event"]["type"] for event in shown] == [
        *("PostCreated", "PostEdited", "UserFollowed", "UserMuted")
    ]
    assert shown[0]["partition"] == partition_of(AUTHOR, PARTITIONS)


def test_only_the_partitions_of_the_keys_are_read() -> None:
    log = MemoryLog(NOISE)
    explained([*NOISE, post(10, **REPOST)], log=log)
    at = {user: partition_of(user, PARTITIONS) for user in (READER, AUTHOR, OTHER)}
    assert set(log.scanned) == {
        ("social.posts.v1", at[AUTHOR]),
        ("social.follows.v1", at[AUTHOR]),
        *(("social.blocks.v1", partition) for partition in at.values()),
        ("social.tiers.v1", at[AUTHOR]),
    }
    assert len(log.scanned) == len(set(log.scanned))


def test_an_unknown_post_is_looked_for_everywhere_and_what_refused_it_is_told() -> None:
    """Its author and text are only in the log: 31 hashtags are one too many."""
    refused = post(10) | {"hashtags": [str(n) for n in range(31)]}
    told = explained([follow(5)], log=MemoryLog([*NOISE, follow(5), refused]))
    assert told.why.rules == (HideReason.UNKNOWN_POST,)
    assert [at for topic, at in told.found.partitions if "posts" in topic] == list(
        range(PARTITIONS)
    )
    (one,) = told.found.post
    assert one.refused is not None
    assert one.refused[0] is ErrorCode.INVALID_EVENT
    assert [type(one.event).__name__ for one in told.found.relations] == ["UserFollowed"]
    assert answer_json(told)["events"][0]["error"]["code"] == "invalid_event"


def test_the_way_of_a_post_that_is_in_the_feed() -> None:
    events = [*NOISE, follow(5), post(10), pair(12, "Muted", AUTHOR, READER)]
    side = side_of(events)
    cold = explained(events, side=side)
    assert (cold.why.path, cold.why.timeline.state) == (FeedPath.MERGE, TimelineState.COLD)
    assert explained(events, side=side).why.timeline.state is TimelineState.COLD  # it built nothing
    home_feed(side.views, READER, caches=side.caches)
    warm = explained(events, side=side)
    assert (warm.why.path, warm.why.timeline.holds_post) == (FeedPath.PUSH, True)
    own = explained([post(10, READER)])
    assert own.why.path is FeedPath.OWN


def test_what_lies_at_the_floor_and_below_is_merged() -> None:
    events = [follow(5), *(post(second) for second in range(10, 14))]
    side = side_of(events)
    home_feed(side.views, READER, caches=replace(side.caches, length=3))
    told = explained(events, side=side)
    assert (told.why.path, told.why.timeline.floor) == (FeedPath.MERGE, post_id(10))


def test_a_post_that_was_never_delivered_is_no_hidden_one() -> None:
    before, after = [follow(5), post(9)], [post(10)]
    side = side_of(before)
    home_feed(side.views, READER, caches=side.caches)
    assert isinstance(side.views.rows, MemoryStore)
    feed(side.views.rows, [after])
    told = explained([*before, *after], side=side)
    assert (told.why.in_feed, told.why.rules, told.why.defect) == (
        False,
        (),
        FeedDefect.NOT_DELIVERED,
    )


def test_without_the_cache_posts_are_merged() -> None:
    events = [follow(5), post(10)]
    side = with_timelines(side_of(events), GoneTimelines(shards=2))
    told = explained(events, side=side)
    assert (told.why.path, told.why.timeline.state) == (FeedPath.MERGE, TimelineState.UNAVAILABLE)


def test_what_is_pulled_is_in_the_feed_though_nobody_delivered_it() -> None:
    before, after = [follow(5), post(9)], [post(10)]
    store, pulls = MemoryStore(), MemoryPullSet()
    caches = feed_caches(store, MemoryTimelineCache(shards=2), pulls)
    feed(store, [before])
    views = Views.of(store)
    home_feed(views, READER, caches=caches)
    feed(store, [after])
    store.apply(Effects(pulls=[PullPost(AUTHOR, post_id(10))]))
    pulls.pull({AUTHOR: [post_id(10)]})
    told = explained([*before, *after], side=ReadSide(views, caches, views, caches.metrics))
    assert (told.why.path, told.why.timeline.holds_post) == (FeedPath.PULL, False)
    assert told.why.is_pulled
    assert answer_json(told)["is_pulled"] is True


def test_decisions_of_tiers_are_told_with_their_reasons(
    capsys: pytest.CaptureFixture[str],
) -> None:
    decided: dict[str, Any] = {"tier": "CELEBRITY", "previous_tier": "REGULAR", "followers": 1234}
    events = [
        follow(5),
        tier_changed(9, **decided, posts_per_hour=2.5),
        tier_changed(9, OTHER, **decided, posts_per_hour=1.0),
        post(10),
    ]
    told = explained(events)
    (one,) = told.found.tiers
    assert (one.position.topic, one.position.partition) == (
        "social.tiers.v1",
        partition_of(AUTHOR, PARTITIONS),
    )
    assert answer_json(told)["events"][-1]["event"]["followers"] == 1234
    assert not told.why.is_pulled
    print_answer(told)
    shown = capsys.readouterr().out
    assert "REGULAR -> CELEBRITY at 1,234 followers, 2.5 posts an hour" in shown


class _Unlisted(MemoryStore):
    """Lost the list of an author's posts."""

    def author_posts(
        self,
        authors: Collection[int],
        before: int | None,  # noqa: ARG002
        limit: int,  # noqa: ARG002
    ) -> Mapping[int, Sequence[int]]:
        return dict.fromkeys(authors, ())


def test_a_post_that_its_authors_list_lacks_is_no_hidden_one() -> None:
    store = _Unlisted()
    feed(store, [[follow(5), post(10)]])
    side = memory_side(store, MemoryTimelineCache(shards=2))
    assert explained([follow(5), post(10)], side=side).why.defect is FeedDefect.NOT_INDEXED


@pytest.mark.parametrize("partitions", [7, 8])
def test_partitions_are_those_of_java_clients(partitions: int) -> None:
    assert partition_of(21, partitions) == (JAVA_MURMUR2[b"21"] & 0x7FFFFFFF) % partitions


def test_every_answer_can_be_put_into_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert PATHS.keys() == set(FeedPath)
    assert RULES.keys() == set(HideReason)
    assert DEFECTS.keys() == set(FeedDefect)
    print_answer(explained([follow(5), post(10), pair(20, "Muted", READER, AUTHOR)]))
    told = capsys.readouterr().out
    assert f"post {post_id(10)} is not in the home feed of {READER} (by {AUTHOR})" in told
    assert f"muted: {RULES['muted']}" in told
    assert f"social.blocks.v1:{partition_of(READER, PARTITIONS)}:0  UserMuted" in told
