"""The synthetic network: determinism, order, validity, skew, rhythm and memory."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from random import Random

import pytest

from streams.contracts.catalog import topics
from streams.contracts.events import (
    CommentCreated,
    CommentDeleted,
    ContentKind,
    ContentLiked,
    ContentUnliked,
    ContentViewed,
    Event,
    HighlightAdded,
    PostCreated,
    PostDeleted,
    PostEdited,
    StoryCreated,
    StoryDeleted,
    Surface,
    UserBlocked,
    UserFollowed,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from streams.contracts.ids import id_time
from streams.contracts.times import DAY_MS, HOUR_MS
from streams.contracts.validation import check
from streams.generate.calendar import Mint, Minute, instants, slices
from streams.generate.network import Network
from streams.generate.world import Plan

START = 1_735_689_600_000  # 2025-01-01T00:00:00Z
WRITTEN_BY_THE_PIPELINE = {"StoryExpired", "AuthorTierChanged", "DeliveryTask"}


def plan(**changes: float) -> Plan:
    values: dict[str, float] = {"users": 1000, "events": 60_000, "seed": 7, "start": START}
    return Plan(**{**values, **changes})  # type: ignore[arg-type]


@cache
def week() -> tuple[Event, ...]:
    return tuple(Network(plan()))


@cache
def orderly_week() -> tuple[Event, ...]:
    return tuple(Network(plan(oddities=0)))


def of(kind: type[Event], events: Iterable[Event]) -> Iterator[Event]:
    return (event for event in events if type(event) is kind)


def test_it_yields_exactly_the_events_asked_for() -> None:
    assert len(week()) == 60_000


@pytest.mark.parametrize(("users", "events"), [(1, 50), (2, 500), (3, 1), (20, 5000)])
def test_the_smallest_networks_work(users: int, events: int) -> None:
    assert sum(1 for _ in Network(plan(users=users, events=events))) == events


def test_iterating_again_gives_the_same_and_another_seed_gives_another() -> None:
    network = Network(plan(events=5000))
    first = list(network)
    assert list(network) == first
    assert list(Network(plan(events=5000, seed=8))) != first


def test_time_never_goes_back_and_ids_ascend_with_it() -> None:
    stamps = [(event.occurred_at, event.event_id) for event in week()]
    assert stamps == sorted(set(stamps))
    assert all(START <= at < START + 7 * DAY_MS for at, _ in stamps)
    assert all(id_time(event_id) == at for at, event_id in stamps)


def test_every_id_is_unique_and_of_the_generators_node() -> None:
    ids = [event.event_id for event in week()]
    for event in week():
        if isinstance(event, PostCreated):
            ids.append(event.post_id)
        elif isinstance(event, StoryCreated):
            ids.append(event.story_id)
        elif isinstance(event, CommentCreated):
            ids.append(event.comment_id)
    assert len(set(ids)) == len(ids)
    assert {number >> 12 & 1023 for number in ids} == {1001}


def test_many_events_in_one_millisecond_get_ids_of_their_own() -> None:
    events = list(Network(plan(users=50, events=20_000, duration=200)))
    assert max(Counter(event.occurred_at for event in events).values()) > 100
    assert len({event.event_id for event in events}) == 20_000
    stamps = [(event.occurred_at, event.event_id) for event in events]
    assert stamps == sorted(stamps)


def test_a_used_up_millisecond_is_followed_by_the_next() -> None:
    mint = Mint(1001)
    ids = [mint.next_id() for _ in range(5000) if mint.advance(START)]
    assert ids == sorted(set(ids))
    assert id_time(ids[-1]) == START + 2
    ahead = [mint.ahead(START) for _ in range(2000)]
    assert len({*ids, *ahead}) == 7000


@pytest.mark.parametrize(
    "wrong",
    [{"users": 0}, {"events": 0}, {"events": 101, "duration": 1}, {"start": 0}, {"start": 4e12}],
)
def test_plans_that_do_not_fit_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must|fit"):
        plan(**wrong)


def test_every_event_passes_the_contracts_validator() -> None:
    faults = [check(event, event.occurred_at) for event in week()]
    assert not any(faults)


def test_every_record_type_that_users_cause_is_present() -> None:
    expected = {name for topic in topics().values() for name in topic.records}
    found = {type(event).__name__ for event in week()}
    assert found == expected - WRITTEN_BY_THE_PIPELINE


@pytest.mark.slow
def test_one_account_is_followed_by_a_tenth_and_the_rest_fall_off() -> None:
    events = Network(plan(users=3000, events=180_000))
    followers = Counter(e.followee_id for e in events if isinstance(e, UserFollowed))
    ranked = [count for _, count in followers.most_common()]
    assert followers.most_common(1)[0][0] == 1
    assert 0.08 * 3000 <= ranked[0] <= 0.12 * 3000
    tenth = len(ranked) // 10
    assert ranked[0] > 4 * ranked[tenth] > 8 * ranked[len(ranked) // 2]


def test_nights_are_quiet() -> None:
    hours = Counter(event.occurred_at % DAY_MS // HOUR_MS for event in week())
    assert hours[20] > 8 * hours[3]


def test_slices_hold_every_event_and_cover_the_run() -> None:
    parts = list(slices(START + 123, DAY_MS + 4567, 9999))
    assert sum(part.events for part in parts) == 9999
    assert min(part.events for part in parts) >= 0
    assert sum(part.length for part in parts) == DAY_MS + 4567


def test_a_slices_instants_ascend_and_fill_it() -> None:
    found = instants(Minute(START, 1000, 5000, 0.0), Random(3))
    assert found == sorted(found)
    assert len(set(found)) > 950
    assert START <= found[0] <= found[-1] < START + 1000


def test_hashtags_follow_zipf() -> None:
    tags = Counter(
        tag.lower() for e in week() if isinstance(e, PostCreated) for tag in e.hashtags
    ).most_common()
    assert tags[0][1] > 5 * tags[20][1] > 0


def test_stories_last_a_day_or_less() -> None:
    lives = [e.expires_at - e.occurred_at for e in week() if isinstance(e, StoryCreated)]
    assert min(lives) > 0
    assert max(lives) == DAY_MS
    assert min(lives) < DAY_MS


def test_views_through_the_tray_are_of_stories_a_day_old_at_most() -> None:
    tray = [e for e in week() if isinstance(e, ContentViewed) and e.surface is Surface.STORY_TRAY]
    assert len(tray) > 1000
    assert all(e.content_kind is ContentKind.STORY for e in tray)
    assert all(e.occurred_at < id_time(e.content_id) + DAY_MS for e in tray)


def test_without_oddities_everything_refers_to_what_exists_and_to_its_owner() -> None:
    owners: dict[int, int] = {}
    gone: set[int] = set()
    for event in orderly_week():
        for content_id, owner_id in _references(event):
            assert owners.get(content_id) == owner_id, event
            assert content_id not in gone, event
        if isinstance(event, PostCreated):
            owners[event.post_id] = event.author_id
        elif isinstance(event, StoryCreated):
            owners[event.story_id] = event.author_id
        elif isinstance(event, CommentCreated):
            owners[event.comment_id] = event.user_id
        elif isinstance(event, PostDeleted):
            gone.add(event.post_id)
        elif isinstance(event, StoryDeleted):
            gone.add(event.story_id)
        elif isinstance(event, CommentDeleted):
            gone.add(event.comment_id)


def _references(event: Event) -> Iterator[tuple[int, int]]:
    if isinstance(event, ContentLiked | ContentUnliked | ContentViewed | CommentCreated):
        yield event.content_id, event.owner_id
    if isinstance(event, PostCreated):
        if event.repost_of:
            yield event.repost_of, event.repost_of_author or 0
        if event.reply_to:
            yield event.reply_to, event.reply_to_author or 0
    if isinstance(event, PostEdited | PostDeleted):
        yield event.post_id, event.author_id
    if isinstance(event, StoryDeleted | HighlightAdded):
        yield event.story_id, event.author_id


def test_without_oddities_only_what_is_in_force_ends_and_the_blocked_keep_apart() -> None:
    follows: set[tuple[int, int]] = set()
    blocks: set[tuple[int, int]] = set()
    mutes: set[tuple[int, int]] = set()
    for event in orderly_week():
        match event:
            case UserFollowed(follower_id=a, followee_id=b):
                assert (a, b) not in follows
                assert not {(a, b), (b, a)} & blocks
                follows.add((a, b))
            case UserUnfollowed(follower_id=a, followee_id=b):
                follows.remove((a, b))
            case UserBlocked(user_id=a, target_id=b):
                assert (a, b) not in blocks
                blocks.add((a, b))
                follows -= {(a, b), (b, a)}
            case UserUnblocked(user_id=a, target_id=b):
                blocks.remove((a, b))
            case UserMuted(user_id=a, target_id=b):
                mutes.add((a, b))
            case UserUnmuted(user_id=a, target_id=b):
                mutes.remove((a, b))
            case ContentViewed(user_id=a, owner_id=b, surface=Surface.FEED | Surface.STORY_TRAY):
                assert (a, b) in follows
                assert (a, b) not in mutes
            case ContentLiked(user_id=a, owner_id=b) | ContentViewed(user_id=a, owner_id=b):
                assert not {(a, b), (b, a)} & blocks
            case CommentCreated(user_id=a, owner_id=b):
                assert not {(a, b), (b, a)} & blocks
    assert blocks
    assert mutes


def test_oddities_are_there_and_few() -> None:
    created: set[int] = set()
    early = Counter[str]()
    for event in week():
        if isinstance(event, PostCreated):
            created.add(event.post_id)
        elif isinstance(event, PostDeleted | PostEdited) and event.post_id not in created:
            early[type(event).__name__] += 1
        elif (
            isinstance(event, ContentLiked)
            and event.content_kind is ContentKind.POST
            and event.content_id not in created
        ):
            early["ContentLiked"] += 1
    assert set(early) == {"PostDeleted", "PostEdited", "ContentLiked"}
    assert early.total() < 0.005 * len(week())


MEASURE = """
import sys
from itertools import islice
from streams.generate.network import Network
from streams.generate.world import Plan
users, events, run = map(int, sys.argv[1:])
for _ in islice(Network(Plan(users=users, events=events, seed=1, start=1735689600000)), run):
    pass
status = open("/proc/self/status").read()  # ru_maxrss would count the parent before exec
print(status.split("VmHWM:")[1].split()[0])
"""


def peak_mib(users: int, run: int) -> int:
    """Peak resident memory of a process that draws `run` events of a whole week."""
    command = [sys.executable, "-c", MEASURE, str(users), str(users * 60), str(run)]
    run_ = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(run_.stdout) // 1024


@pytest.mark.parametrize(("users", "limit_mib"), [(1_000, 48), (50_000, 64)])
def test_memory_stays_bounded(users: int, limit_mib: int) -> None:
    assert peak_mib(users, 60_000) < limit_mib


def test_memory_grows_with_users_not_with_events() -> None:
    assert peak_mib(1_000, 60_000) <= peak_mib(1_000, 10_000) + 16


def test_a_prefix_is_the_start_of_the_same_week() -> None:
    assert tuple(islice(Network(plan()), 100)) == week()[:100]
