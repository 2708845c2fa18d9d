"""Which rows are written for an effect, and in what batches."""

from collections import Counter

import pytest

from streams.contracts.events import Tier
from streams.contracts.ids import EPOCH_MS, MAX_ID, make_id
from streams.sinks.cassandra.cells import (
    TAG_PARTS,
    USE_PARTS,
    VIEWER_BUCKETS,
    author_bucket,
    encode_newest,
    encode_state,
    expiry_part,
)
from streams.sinks.cassandra.months import month_of, months_between
from streams.sinks.cassandra.payloads import encode_created
from streams.sinks.cassandra.rows import index_rows, state_rows
from streams.sinks.cassandra.tables.author_stories import ACTIVE_SLACK_MS
from streams.sinks.cassandra.tables.content_views import view_time_rows
from streams.sinks.cassandra.tables.tag_posts import TAG_PART, TAG_POST, tag_rows
from streams.sinks.cassandra.tables.tag_uses import KEPT_MS, use_rows
from streams.sinks.cassandra.writes import Insert, Write, batches
from streams.views.effects import (
    CreateComment,
    CreateStory,
    DeleteComment,
    DeletePost,
    DeleteStory,
    Effects,
    PullPost,
    Relation,
    SeeContent,
    SetHighlight,
    SetLike,
    SetRelation,
    SetTier,
    Stamp,
)
from streams.views.story_expiry import Expiry
from tests.contract.store_events import Scope

CREATED = 1_735_689_600_000  # 2025-01-01
EXPIRES = CREATED + 86_400_000
ROW = Insert("rows", ("key",), ("cell",))
POST = make_id(CREATED)
CREATE = Scope(0).post(POST, 7, 8, repost_of=3)
EDIT = Scope(0).edit(POST, 7, Stamp(CREATED + 5, 9), "new text")
STORY = CreateStory(POST + 1, 7, 8, "media", "", EXPIRES)
COMMENTS = [CreateComment(POST + 2 + n, POST, 10 + n, 7, 20 + n, "text", None) for n in range(2)]
EDITED = b'{"text":"new text","media":["media"]}'
CHANGED, CHANGED_US = Stamp(CREATED + 5, 9), (CREATED + 5) * 1000
FIRST_US = 2**63 - 2
"""The timestamp that a create would have whose event had the id 0."""
INTERNAL_TOPICS: list[tuple[Effects, dict[str, list[tuple[object, ...]]]]] = [
    (
        Effects(create_posts=[CREATE]),
        {
            "posts": [(POST, 7, encode_created(CREATE), FIRST_US - 8)],
            "posts_by_author": [(7, 202501, POST, 1)],
            "author_buckets": [(7, 202501, 1)],
            "post_months": [(0, 202501, 1)],
            "reposts_by_post": [(3, POST, 1)],
        },
    ),
    (
        Effects(edit_posts=[EDIT], delete_posts=[DeletePost(4, 5)]),
        {
            "posts": [
                (POST, 7, encode_state(CHANGED, EDITED), CHANGED_US),
                (4, 5, True, 1),
            ],
        },
    ),
    (
        Effects(create_stories=[STORY]),
        {
            "stories": [(POST + 1, 7, encode_created(STORY), FIRST_US - 8)],
            "stories_by_author": [(7, 202501, POST + 1, 1)],
            "story_buckets": [(7, 202501, 1)],
            "active_stories": [(7, POST + 1, 8, CREATED * 1000, 25 * 3600)],
            "story_expiries": [
                (
                    *(EXPIRES // 3_600_000, expiry_part(POST + 1)),
                    *(EXPIRES, POST + 1, 7, EXPIRES),
                    *(CREATED * 1000, 91 * 86_400),
                )
            ],
            "story_expiry_hours": [(0, EXPIRES // 3_600_000, CREATED * 1000, 91 * 86_400)],
        },
    ),
    (
        Effects(delete_stories=[DeleteStory(4, 5)], expiries=[Expiry(6, 7, EXPIRES)]),
        {"stories": [(4, 5, True, 1)], "told_expiries": [(6, 7, EXPIRES, 1)]},
    ),
    (
        Effects(highlights=[SetHighlight(4, 5, CHANGED, "title")]),
        {
            "stories": [(4, 5, encode_state(CHANGED, b"title"), CHANGED_US)],
            "highlights_by_author": [(5, 4, 1)],
        },
    ),
    (
        Effects(create_comments=COMMENTS, delete_comments=[DeleteComment(4, 5, 6)]),
        {
            "comments": [
                (POST + 2, POST, 10, encode_created(COMMENTS[0]), FIRST_US - 20),
                (POST + 3, POST, 11, encode_created(COMMENTS[1]), FIRST_US - 21),
                (4, 5, 6, True, 1),
            ],
            "comments_by_content": [(POST, POST + 2, 1), (POST, POST + 3, 1)],
            "commenters_by_content": [(POST, 10, POST + 2, 1), (POST, 11, POST + 3, 1)],
        },
    ),
    (
        Effects(likes=[SetLike(1, 2, CHANGED)]),
        {
            "likes_by_content": [(1, 2, encode_state(CHANGED), CHANGED_US)],
            "likes_by_user": [(2, 1, encode_state(CHANGED), CHANGED_US)],
        },
    ),
    (
        Effects(tiers=[SetTier(1, CHANGED, Tier.CELEBRITY)]),
        {
            "author_tiers": [
                (author_bucket(1), 1, encode_state(CHANGED, b"CELEBRITY"), CHANGED_US)
            ],
        },
    ),
    (
        Effects(pulls=[PullPost(7, POST)]),
        {
            "pulled_posts": [(POST, 1)],
            "author_tiers": [(author_bucket(7), 7, encode_newest(POST), 1)],
        },
    ),
]
"""Effects -> what is written for them, by tables."""
INTERNAL_TOPICS += [
    (
        Effects(relations=[SetRelation(relation, 1, 2, CHANGED)]),
        {
            by_user: [(1, 2, encode_state(CHANGED), CHANGED_US)],
            by_target: [(2, 1, encode_state(CHANGED), CHANGED_US)],
        },
    )
    for relation, by_user, by_target in (
        (Relation.FOLLOW, "following", "followers"),
        (Relation.BLOCK, "blocks_by_user", "blocks_by_target"),
        (Relation.MUTE, "mutes_by_user", "mutes_by_target"),
    )
]


@pytest.mark.parametrize(("effects", "expected"), INTERNAL_TOPICS)
def test_effects_are_written_to_every_table_with_their_keys_cells_and_timestamps(
    effects: Effects, expected: dict[str, list[tuple[object, ...]]]
) -> None:
    written: dict[str, list[tuple[object, ...]]] = {}
    for row in (*state_rows(effects), *index_rows(effects, CREATED)):
        written.setdefault(row.insert.table, []).append(row.values)
    assert written == expected


def active_rows(now: int) -> list[Write]:
    story = CreateStory(make_id(CREATED), 7, 8, "media", "", EXPIRES)
    rows = index_rows(Effects(create_stories=[story]), now)
    return [row for row in rows if row.insert.table == "active_stories"]


def test_an_active_story_lives_until_it_has_expired_by_any_clock() -> None:
    (row,) = active_rows(EXPIRES - 1)
    assert row.values == (7, make_id(CREATED), 8, CREATED * 1000, ACTIVE_SLACK_MS // 1000 + 1)


def test_a_story_that_expired_long_ago_is_not_active() -> None:
    assert len(active_rows(EXPIRES + ACTIVE_SLACK_MS - 1)) == 1
    assert active_rows(EXPIRES + ACTIVE_SLACK_MS) == []


def test_a_story_of_a_far_future_has_a_time_to_live_that_cassandra_takes() -> None:
    (row,) = active_rows(0)
    assert row.values[-1] == 366 * 86_400


def test_what_is_posted_under_a_tag_at_once_is_written_to_all_its_parts() -> None:
    rows = list(tag_rows(("hot", make_id(CREATED, sequence=n % 4096)) for n in range(1600)))
    written = Counter(row.partition for row in rows if row.insert is TAG_POST)
    assert {key[:2] for key in written} == {("hot", 202501)}
    assert len(written) == TAG_PARTS
    assert max(written.values()) < 2 * 1600 / TAG_PARTS
    listed = [row.values[:3] for row in rows if row.insert is TAG_PART]
    assert sorted(listed) == sorted(written)


def test_uses_of_one_tag_are_written_to_all_parts_of_their_hour() -> None:
    posts = [Scope(0).post(make_id(CREATED) + n, n, n, tags=("hot",)) for n in range(1, 1601)]
    written = Counter(row.partition for row in use_rows(posts, CREATED))
    assert len(written) == USE_PARTS
    assert max(written.values()) < 2 * 1600 / USE_PARTS
    assert list(use_rows(posts, CREATED + KEPT_MS)) == []


def test_the_order_of_views_is_written_of_stories_only() -> None:
    effects = Effects(views=[SeeContent(1, 2, 3, as_story=True), SeeContent(4, 5, 6)])
    tables = Counter(row.insert.table for row in (*state_rows(effects), *index_rows(effects, 0)))
    assert tables == {"views": 2, "view_times": 1, "untimed_contents": 1}


def test_viewers_of_one_story_are_written_to_all_its_buckets() -> None:
    views = [SeeContent(1, viewer, CREATED, as_story=True) for viewer in range(1, 1601)]
    written = Counter(row.partition for row in view_time_rows(views))
    assert len(written) == VIEWER_BUCKETS
    assert max(written.values()) < 2 * 1600 / VIEWER_BUCKETS


def test_no_row_holds_a_null() -> None:
    like = SetLike(1, 2, Stamp(3, 4))
    assert all(None not in row.values for row in state_rows(Effects(likes=[like])))


def test_months_are_those_of_the_calendar() -> None:
    assert month_of(make_id(CREATED - 1)) == 202412
    assert month_of(make_id(CREATED)) == 202501
    assert month_of(1) == month_of(make_id(EPOCH_MS)) == 201001
    assert month_of(MAX_ID) == 207909


def test_months_between_cross_the_year_and_may_be_none() -> None:
    assert list(months_between(202411, 202502)) == [202411, 202412, 202501, 202502]
    assert list(months_between(202502, 202501)) == []


def test_batches_are_bounded_in_rows_and_bytes_and_lose_nothing() -> None:
    sizes = [10] * 120 + [20_000] * 5 + [100_000] * 2 + [10]
    writes = [Write(ROW, (i, b"x" * size, 1)) for i, size in enumerate(sizes)]
    grouped = list(batches(writes))
    assert [write for batch in grouped for write in batch] == writes
    assert max(map(len, grouped)) == 50
    for batch in grouped:
        assert len(batch) == 1 or sum(write.size for write in batch) <= 32 * 1024


def test_an_empty_batch_is_never_sent() -> None:
    assert list(batches([])) == []
