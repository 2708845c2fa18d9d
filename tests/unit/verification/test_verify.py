"""Feeds that are not what the log says are found and told; what cannot be judged is not equal."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pytest

from streams.cli.feeds.verify_output import SHOWN, print_verdict, verdict_json
from streams.contracts.ids import id_time
from streams.errors import StoreUnavailableError, UserError
from streams.serving import home_feed
from streams.serving.responses import Post, PostPage
from streams.sinks.memory.store import MemoryStore
from streams.sinks.memory.timeline_cache import MemoryTimelineCache
from streams.verification.changes_since import readers_with_changes
from streams.verification.compare import Path, Walk, compare_page, walk
from streams.verification.expected_feeds import FOLLOWS, POSTS, TOPICS, FeedFold
from streams.verification.log_scan import Spans, everything
from streams.verification.readers import NamedReaders, SampledReaders, _hashes
from streams.verification.verify import ROUNDS, VerifiedLine, VerifyResult, verify_feeds
from streams.views.rows import Relations
from streams.views.store import Views
from tests.oracle.validity import Event
from tests.support.feed_events import feed
from tests.support.memory_log import APPENDED_AT, GoneTimelines, MemoryLog, Unwatched, schema_text
from tests.support.memory_side import memory_side, with_timelines
from tests.support.messages import produces
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
)

SPLITMIX64 = (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F)
"""The first outputs of splitmix64 that begins with the state 0, as published with it."""
EVENTS = [
    follow(1),
    follow(2, OTHER),
    *(post(second) for second in range(10, 60)),
    post(60, OTHER, repost_of=post_id(10), repost_of_author=AUTHOR),
    edited(70, 20),
    deleted(71, 21),
    pair(72, "Muted", STRANGER, AUTHOR),
]


class Served:
    """A log and what a worker made of it; a timeline of the reader is warm."""

    def __init__(self, events: Sequence[Event] = EVENTS, store: MemoryStore | None = None) -> None:
        self.log = MemoryLog(events, piece=1000)
        self.store = MemoryStore() if store is None else store
        self.timelines = MemoryTimelineCache(shards=2)
        self.side = memory_side(self.store, self.timelines)
        feed(self.store, [list(events)])
        home_feed(Views.of(self.store), READER, caches=self.side.caches)

    def verdict(self, catch_up: Callable[[Spans], None] = lambda _: None) -> VerifyResult:
        line = VerifiedLine(self.log, schema_text, self.side, catch_up)
        return verify_feeds(line, NamedReaders([READER, OTHER]), Unwatched())

    @property
    def stored(self) -> list[int]:
        """The ids on the reader's timeline, ascending, to be falsified."""
        return self.timelines._timelines[READER].ids


def test_what_is_served_right_is_proved() -> None:
    verdict = Served().verdict()
    assert verdict.is_proved
    assert (verdict.readers, verdict.equal, verdict.warm) == ((READER, OTHER), 2, 1)
    assert verdict.records == len(EVENTS)
    # 49 posts in three pages; the other reader has those and the own repost; each read twice.
    assert (verdict.pages, verdict.posts) == (2 * (3 + 3), 2 * (49 + 50))
    assert verdict.peak_mib > 0


def test_a_post_that_a_timeline_lost_is_named_on_its_page_only() -> None:
    served = Served()
    served.stored.remove(post_id(30))
    verdict = served.verdict()
    (difference,) = verdict.differences
    assert (difference.reader_id, difference.path, difference.page) == (READER, Path.CACHE, 2)
    assert difference.fault.missing == (post_id(30),)
    assert difference.fault.extra == ()
    assert not verdict.is_proved
    assert verdict.equal == 1


def test_a_post_that_the_durable_store_has_too_many_is_named() -> None:
    served = Served()
    feed(served.store, [[post(55_000, text="nobody published it")]])
    served.stored.append(post_id(55_000))
    verdict = served.verdict()
    assert {one.reader_id for one in verdict.differences} == {READER, OTHER}
    assert {one.path for one in verdict.differences} == set(Path)
    assert {one.fault.extra for one in verdict.differences} == {(post_id(55_000),)}


def test_other_text_than_the_logs_is_named_by_its_field() -> None:
    served = Served()
    feed(served.store, [[edited(80, 59)]])
    verdict = served.verdict()
    assert {tuple(one.fault.altered.items()) for one in verdict.differences} == {
        ((post_id(59), ("text", "edited")),)
    }


def test_a_reader_whose_relations_are_wrong_is_found() -> None:
    served = Served()
    feed(served.store, [[pair(90, "Blocked", AUTHOR, READER)]])
    verdict = served.verdict()
    assert verdict.differing == {READER}
    assert sum(len(one.fault.missing) for one in verdict.differences) == 2 * 49


def test_originals_are_folded_whoever_wrote_them() -> None:
    links = {"repost_of": post_id(5), "repost_of_author": STRANGER}
    answers = {"reply_to": post_id(6), "reply_to_author": STRANGER}
    originals = [post(5, STRANGER), post(6, STRANGER)]
    events = [*EVENTS, *originals, post(80, **links), post(81, **answers)]
    verdict = Served(events).verdict()
    assert verdict.is_proved, verdict.differences


def test_without_the_cache_nothing_is_proved_of_it() -> None:
    served = Served()
    served.side = with_timelines(served.side, GoneTimelines(shards=2))
    with pytest.raises(StoreUnavailableError):
        served.verdict()


class _Failing(MemoryStore):
    """Does not answer for one reader."""

    def relations(self, user: int) -> Relations:
        if user == OTHER:
            raise StoreUnavailableError("gone")
        return super().relations(user)


def test_an_incomplete_answer_is_told_as_such_and_is_not_equal() -> None:
    verdict = Served(store=_Failing()).verdict()
    assert verdict.unanswered == {OTHER: ("cassandra",)}
    assert not verdict.differences
    assert (verdict.equal, verdict.is_proved) == (1, False)


class _Overtaking(MemoryStore):
    """Something happens while somebody's posts are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], None]] = []

    def author_posts(
        self, authors: Collection[int], before: int | None, limit: int
    ) -> Mapping[int, Sequence[int]]:
        if self.meanwhile:
            self.meanwhile.pop()()
        return super().author_posts(authors, before, limit)


def _overtaken(times: int) -> VerifyResult:
    """What comes of a line into which something is written whenever it is looked at."""
    store = _Overtaking()
    served = Served(store=store)
    left = list(range(100, 100 + times))

    def write() -> None:
        event = post(left.pop())
        served.log.append([event])
        feed(store, [[event]])
        served.timelines.deliver({AUTHOR: [event["post_id"]]}, 1000)

    def arm(_: Spans) -> None:
        if left:
            store.meanwhile.append(write)

    return served.verdict(arm)


def test_what_was_written_meanwhile_is_no_difference() -> None:
    verdict = _overtaken(1)
    assert verdict.is_proved, verdict.differences
    assert verdict.rounds == 2


def test_a_reader_of_whom_there_is_always_news_is_unsettled_not_differing() -> None:
    verdict = _overtaken(ROUNDS)
    assert verdict.unsettled
    assert not verdict.differences
    assert not verdict.is_proved


def test_news_of_others_excuse_nothing() -> None:
    served = Served()
    served.stored.remove(post_id(30))
    verdict = served.verdict(lambda _: served.log.append([post(500, STRANGER)]))
    assert verdict.differing == {READER}
    assert verdict.rounds == 1


@pytest.mark.parametrize(
    ("event", "concerned"),
    [
        (follow(200, READER, STRANGER), {READER}),
        (follow(200, READER, kind="Unfollowed"), {READER}),
        (follow(200, STRANGER, READER), set()),
        (pair(200, "Muted", READER, AUTHOR), {READER}),
        (pair(200, "Blocked", STRANGER, READER), {READER}),
        (pair(200, "Blocked", STRANGER, AUTHOR), set()),
        (post(200), {READER, OTHER}),
        (post(200, OTHER), {OTHER}),
        (post(200, STRANGER), set()),
        (edited(200, 5, STRANGER), {OTHER}),  # who reposted it
        (edited(200, 6, STRANGER), set()),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else None,
)
def test_news_concern_those_whose_feed_may_change(event: Event, concerned: set[int]) -> None:
    repost = post(61, OTHER, repost_of=post_id(5), repost_of_author=STRANGER)
    log = MemoryLog([*EVENTS, post(5, STRANGER), post(6, STRANGER), repost])
    spans = everything(log, TOPICS)
    fold = FeedFold(log, schema_text, spans, lambda _: None)
    readers = fold.run(NamedReaders([READER, OTHER]))
    assert readers_with_changes(log, schema_text, fold, spans, readers) == set()
    log.append([event])
    assert readers_with_changes(log, schema_text, fold, spans, readers) == concerned


def test_records_that_no_worker_applies_are_left_out_and_counted() -> None:
    served = Served()
    refused = post(600) | {"hashtags": [str(n) for n in range(31)]}
    served.log.append([refused])
    served.log.append_value(POSTS, AUTHOR, b"\x07rubbish")
    served.log.append_value(FOLLOWS, AUTHOR, None)
    verdict = served.verdict()
    assert verdict.is_proved
    assert verdict.refused == 3
    assert id_time(post_id(600)) < APPENDED_AT


@produces("the first records of … are gone (partition …)")
def test_a_log_without_its_beginning_proves_nothing() -> None:
    served = Served()
    served.log.first = 1
    with pytest.raises(UserError, match=r"first records of .* are gone"):
        served.verdict()


@produces("this log has no follows: there is no reader to draw")
def test_a_log_in_which_nobody_follows_anybody_proves_nothing() -> None:
    served = Served([post(1)])
    line = VerifiedLine(served.log, schema_text, served.side, lambda _: None)
    with pytest.raises(UserError, match="this log has no follows"):
        verify_feeds(line, SampledReaders(5, 1), Unwatched())


@pytest.mark.slow
def test_a_sample_is_drawn_by_its_seed_however_the_log_is_cut() -> None:
    events = [follow(n, who=1000 + n) for n in range(200)]
    drawn: dict[int, set[tuple[int, ...]]] = {}
    for seed in (1, 2, 1 << 31):
        for piece in (1, 7, 1000):
            served = Served(events)
            served.log = MemoryLog(events, piece=piece)
            line = VerifiedLine(served.log, schema_text, served.side, lambda _: None)
            verdict = verify_feeds(line, SampledReaders(20, seed), Unwatched())
            assert verdict.is_proved
            drawn.setdefault(seed, set()).add(verdict.readers)
    assert all(len(samples) == 1 for samples in drawn.values())
    assert len({next(iter(samples)) for samples in drawn.values()}) == 3


POSTS_OF_A_FEED = tuple(Post(n, AUTHOR, 0, "", (), (), False, None, None) for n in range(45, 0, -1))


def pages_of(posts: Sequence[Post]) -> Callable[[int | None], PostPage]:
    def read(before: int | None) -> PostPage:
        below = [one for one in posts if before is None or one.post_id < before]
        page = tuple(below[:20])
        return PostPage(page, page[-1].post_id if len(below) > 20 else None)

    return read


def walked(read: Callable[[int | None], PostPage]) -> Walk:
    return walk(READER, Path.STORE, read, POSTS_OF_A_FEED, 20)


def test_a_right_feed_has_no_faults() -> None:
    done = walked(pages_of(POSTS_OF_A_FEED))
    assert (done.pages, done.posts, done.differences) == (3, 45, [])


@pytest.mark.parametrize("gone", [45, 26, 25, 6, 5, 1])
def test_each_missing_post_is_found_once(gone: int) -> None:
    done = walked(pages_of([one for one in POSTS_OF_A_FEED if one.post_id != gone]))
    assert [one.fault.missing for one in done.differences] == [(gone,)]


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        (PostPage(POSTS_OF_A_FEED[:19], 27), "it has 19 posts, not 20"),
        (PostPage(POSTS_OF_A_FEED[:21], 25), "it has 21 posts, not 20"),
        (PostPage(POSTS_OF_A_FEED[:20], 20), "its cursor is 20, and its last post 26"),
        (PostPage((), 30), "it has 0 posts, not 20"),
    ],
)
def test_a_page_that_is_cut_wrongly_is_told(page: PostPage, fault: str) -> None:
    assert compare_page(page, None, POSTS_OF_A_FEED, 20).cut == fault


def test_an_empty_page_after_a_cursor_is_told() -> None:
    assert compare_page(PostPage((), None), 1, POSTS_OF_A_FEED, 20).cut is not None
    assert not compare_page(PostPage((), None), None, (), 20)


def test_wrong_order_and_repetition_are_told() -> None:
    first = POSTS_OF_A_FEED[:20]
    assert compare_page(
        PostPage((first[1], first[0], *first[2:]), 26), None, POSTS_OF_A_FEED, 20
    ).disordered
    assert compare_page(PostPage((first[0], *first[:19]), 27), None, POSTS_OF_A_FEED, 20).disordered
    assert not compare_page(PostPage(first, 26), None, POSTS_OF_A_FEED, 20)


def test_a_cursor_that_leads_back_ends_the_walk() -> None:
    stuck = PostPage(POSTS_OF_A_FEED[:20], 26)
    assert walked(lambda _: stuck).pages == 2


def test_a_verdict_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    served = Served()
    served.stored.remove(post_id(30))
    verdict = served.verdict()
    print_verdict(verdict, 7)
    first, hint, summary = capsys.readouterr().out.splitlines()
    assert first == f"reader {READER}, page 2 with timelines: is missing {post_id(30)}"
    assert hint == f"  storyline explain {READER} {post_id(30)}"
    assert summary.startswith("1 of 2 readers' home feeds are equal, 1 differ; 1 were warm; ")
    assert summary.endswith("; seed 7")
    told = verdict_json(verdict, 7)
    assert told["differences"][0]["missing"] == [str(post_id(30))]
    many = replace(verdict, differences=verdict.differences * (SHOWN + 1))
    print_verdict(many, None)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * SHOWN + 2
    assert lines[-2] == "… and 1 more that differ; --json has all"


@pytest.mark.parametrize(("seed", "expected"), [*enumerate(SPLITMIX64)])
def test_hash_of_readers_is_splitmix64(seed: int, expected: int) -> None:
    assert _hashes(pa.array([0]), seed).to_pylist() == [expected]


@pytest.mark.parametrize("size", [1, 3, 40, 100])
def test_sample_is_of_the_smallest_hashes_however_the_log_is_read(size: int) -> None:
    users = pa.array(range(1, 41), pa.int64())
    readers = SampledReaders(size, 7)
    for start in range(0, 40, 5):
        readers.notice(users.slice(start, 5))
    ordered = sorted(zip(_hashes(users, 7).to_pylist(), users.to_pylist(), strict=True))
    assert readers.ids == tuple(sorted(user for _, user in ordered[:size]))
