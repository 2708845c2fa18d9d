"""Recorded interactions become events: by hand-made lines, and by the real file where it is."""

import gzip
import os
from collections import Counter
from pathlib import Path

import pytest

from streams.contracts.events import CommentCreated, Event, PostCreated, UserFollowed
from streams.contracts.ids import id_time
from streams.contracts.validation import check
from streams.errors import UserError
from streams.generate.higgs import MOST_LINES, events_of
from streams.generate.interactions import FILE, Act, Interaction, read_interactions

HIGGS = Path(
    os.environ.get("STORYLINE_HIGGS", Path(__file__).parents[4] / "shared" / "data" / "higgs")
)
LINES = """\
1 2 1341100972 MT
1 2 1341100972 RE
3 2 1341101181 RT
2 1 1341101183 RT
4 4 1341101183 MT
3 2 1341101183 RT
"""


def write(folder: Path, text: str = LINES) -> Path:
    (folder / FILE).write_bytes(gzip.compress(text.encode(), mtime=0))
    return folder


def load(folder: Path, **options: int) -> list[Event]:
    return list(events_of(read_interactions(folder, **options)))


def told(event: Event, at: dict[int, str]) -> str:
    """An event as a short text; posts are named by their author and order."""
    second = (event.occurred_at - 1341100972_000) / 1000
    match event:
        case UserFollowed(follower_id=a, followee_id=b):
            return f"{second:g} {a} follows {b}"
        case CommentCreated(user_id=a, content_id=content, owner_id=b):
            return f"{second:g} {a} comments {at[content]} of {b}"
        case PostCreated(author_id=a, post_id=post, repost_of=None, reply_to=None):
            at[post] = f"p{len(at) + 1}"
            return f"{second:g} {a} posts {at[post]}"
        case PostCreated(author_id=a, post_id=post, repost_of=None, reply_to=int(target)):
            at[post] = f"p{len(at) + 1}"
            owner = event.reply_to_author
            return f"{second:g} {a} posts {at[post]} naming {owner} of {at[target]}: {event.text}"
        case PostCreated(author_id=a, repost_of=int(target), repost_of_author=owner):
            return f"{second:g} {a} reposts {at[target]} of {owner}"
    raise AssertionError(event)


def test_hand_made_lines_follow_the_rules(tmp_path: Path) -> None:
    at: dict[int, str] = {}
    assert [told(event, at) for event in load(write(tmp_path))] == [
        "-1 2 posts p1",
        "-0.5 1 follows 2",
        "0 1 posts p2 naming 2 of p1: @2 #Higgs",
        "0 1 comments p1 of 2",
        "208.5 3 follows 2",
        "209 3 reposts p1 of 2",
        "210 4 posts p3",
        "210.5 2 follows 1",
        "211 2 reposts p2 of 1",
        "211 4 posts p4 naming 4 of p3: @4 #Higgs",
        "211 3 reposts p1 of 2",
    ]


def test_loading_twice_gives_the_same_and_a_prefix_its_beginning(tmp_path: Path) -> None:
    events = load(write(tmp_path))
    assert load(tmp_path) == events
    assert load(tmp_path, limit=2) == events[:4]
    assert load(tmp_path, until_ms=1341101182_999) == events[:6]


@pytest.mark.slow
def test_ids_are_unique_valid_and_in_order_for_many_lines_of_one_second() -> None:
    lines = 30_000
    acts = tuple(Act)
    burst = [
        Interaction(n, n, n % 7 + lines + 1, 1341100972_000, acts[n % 3])
        for n in range(1, lines + 1)
    ]
    events = list(events_of(burst))
    stamps = [(event.occurred_at, event.event_id) for event in events]
    assert stamps == sorted(set(stamps))
    assert not any(check(event, event.occurred_at) for event in events)
    ids = [event.event_id for event in events]
    ids += [event.post_id for event in events if isinstance(event, PostCreated)]
    ids += [event.comment_id for event in events if isinstance(event, CommentCreated)]
    assert len(set(ids)) == len(ids)
    assert {number >> 12 & 1023 for number in ids} == set(range(1001, 1023))


def test_the_last_line_that_fits_and_the_first_that_does_not() -> None:
    last = Interaction(MOST_LINES, 1, 2, 1341100972_000, Act.REPLY)
    assert [event.occurred_at // 500 * 500 for event in events_of([last])] == [
        1341100971_000,
        1341100971_500,
        1341100972_000,
    ]
    with pytest.raises(UserError, match="do not fit"):
        list(events_of([last._replace(line=MOST_LINES + 1)]))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1 2 1341101184", "3 fields"),
        ("1 2 1341101184 RT x", "5 fields"),
        ("one 2 1341101184 RT", "invalid literal"),
        ("0 2 1341101184 RT", "positive"),
        ("1 -2 1341101184 RT", "positive"),
        ("1 9223372036854775808 1341101184 RT", "positive"),
        ("1 2 1341101184 XX", "'XX' is none of RT, MT, RE"),
        ("1 2 1341101182 RT", "time goes back"),
        ("1 2 12 RT", "not a time"),
        ("1 2 99999999999 RT", "not a time"),
        ("é 2 1341101184 RT", "ascii"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, reason: str) -> None:
    write(tmp_path, LINES + line + "\n")
    with pytest.raises(UserError, match=rf"line 7: .*{reason}"):
        read_interactions(tmp_path)
    assert len(read_interactions(tmp_path, limit=6)) == 6


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{FILE} is missing"):
        read_interactions(tmp_path)


def test_a_file_cut_short_is_damaged(tmp_path: Path) -> None:
    write(tmp_path, LINES * 1)
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(UserError, match="damaged"):
        read_interactions(tmp_path)


@pytest.mark.parametrize("content", [b"1 2 1341100972 MT\n", b""])
def test_a_file_that_is_no_gzip_or_empty_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(UserError, match=r"damaged|holds no"):
        read_interactions(tmp_path)


def test_a_file_with_a_flipped_bit_is_damaged(tmp_path: Path) -> None:
    path = write(tmp_path) / FILE
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        read_interactions(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not (HIGGS / FILE).is_file(), reason=f"no {FILE} (set STORYLINE_HIGGS)")
def test_the_real_week() -> None:
    counts: Counter[str] = Counter()
    followers: Counter[int] = Counter()
    last = (0, 0)
    for event in events_of(read_interactions(HIGGS)):
        counts[type(event).__name__] += 1
        stamp = (event.occurred_at, event.event_id)
        assert stamp > last
        last = stamp
        if isinstance(event, UserFollowed):
            followers[event.followee_id] += 1
        elif isinstance(event, PostCreated):
            assert id_time(event.post_id) == event.occurred_at
            counts["repost" if event.repost_of else "named" if event.reply_to else "made"] += 1
    assert counts["UserFollowed"] == 461_192
    assert counts["CommentCreated"] == 36_902
    assert counts["repost"] == 354_930
    assert counts["named"] == 171_237
    assert followers.most_common(1)[0][1] > 14_000
