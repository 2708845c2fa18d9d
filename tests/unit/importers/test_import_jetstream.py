"""Jetstream's lines as events: the sample line by line, then each rule by itself."""

from pathlib import Path
from random import Random

import pytest

from streams.contracts.events import (
    ContentLiked,
    ContentUnliked,
    Event,
    PostCreated,
    PostDeleted,
    PostEdited,
    UserFollowed,
)
from streams.contracts.ids import id_time
from streams.importers import mapping as mapping_module
from streams.importers.identifiers import tid_ms
from streams.importers.import_run import events_of_lines
from streams.importers.input_lines import InputLine
from streams.importers.jetstream import BLOCK, FOLLOW, LIKE, POST, REPOST, JetstreamReader
from streams.importers.mapping import open_mapping
from streams.importers.report import Cut, ImportReport, Reason
from tests.support.imported import (
    ADA,
    BO,
    CY,
    DEE,
    as_dicts,
    assert_folds_alike,
    assert_valid_and_unique,
    jetstream,
    line,
    now_ms,
    sample_lines,
    tid,
)

NOON_US = 1_740_830_400_000_000
USERS = {
    "author_id", "user_id", "owner_id", "target_id", "follower_id", "followee_id",
    "reply_to_author", "repost_of_author",
}  # fmt: skip
PEOPLE = {ADA: "ada", BO: "bo", CY: "cy", DEE: "dee"}


def described(events: list[Event]) -> list[str]:
    """Return each event as a short text: people by name, posts by the order of their first use."""
    mapping = open_mapping(None)
    names = {mapping.user(did): name for did, name in PEOPLE.items()}
    posts: dict[int, str] = {}
    shown = []
    for event in as_dicts(events):
        words = [event["type"]]
        for field, value in event.items():
            if field in ("type", "event_id", "content_kind") or value in (None, [], ""):
                continue
            if field in USERS:
                words.append(names[value])
            elif field in ("post_id", "content_id", "reply_to", "repost_of"):
                words.append(posts.setdefault(value, f"p{len(posts) + 1}"))
            elif field == "occurred_at":
                words.append(f"{(value - NOON_US // 1000) / 1000:g}")
            elif field == "media":
                words += [url.removeprefix("https://") for url in value]
            else:
                words.append(str(value))
        shown.append(" ".join(words))
    return shown


def test_sample_gives_one_event_or_reason_for_each_line() -> None:
    report = ImportReport()
    events = jetstream(sample_lines(), report=report)
    image = "bafkreiinventedimageaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@jpeg"
    video = "bafkreiinventedvideoaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/playlist.m3u8"
    assert described(events) == [
        "PostCreated 0 ada p1 Grüße aus dem Café 🌍 #Café #météo ['Café', 'météo'] "
        f"cdn.bsky.app/img/feed_fullsize/plain/{ADA}/{image}",
        "UserFollowed 1.4 bo ada",
        "ContentLiked 2.4 bo p1 ada",
        "PostCreated 3 bo p2 Which harbour is that? p1 ada",
        "PostCreated 4 cy p3 p1 ada",
        "ContentLiked 5.4 cy p4 dee",
        "ContentUnliked 6.4 bo p1 ada",
        "ContentLiked 7.4 bo p1 ada",
        "UserUnfollowed 9.4 bo ada",
        "UserFollowed 10.4 bo ada",
        "UserBlocked 11.4 cy bo",
        "UserUnblocked 12.4 cy bo",
        "PostEdited 13.4 ada p1 Grüße aus dem Hafen ['Hafen']",
        "PostDeleted 14.4 cy p3",
        "PostCreated 20 dee p5 Look at this "
        f"video.bsky.app/watch/did%3Aplc%3Adeeinventeddddddddddddd5/{video}",
        "PostDeleted 24.4 dee p6",
        "ContentLiked 2.4 bo p1 ada",
        "PostCreated 27.4 cy p7 My key is no TID",
        "ContentLiked 28.4 bo p7 cy",
    ]
    assert report.items == 29 == len(events) + report.skipped.total()
    assert report.skipped == {
        Reason.UNKNOWN_RECORD: 1,
        Reason.SELF_FOLLOW: 1,
        Reason.IDENTITY: 1,
        Reason.ACCOUNT: 1,
        Reason.OTHER_COLLECTION: 1,
        Reason.SUBJECT_NOT_POST: 1,
        Reason.NOT_JSON: 1,
        Reason.MALFORMED: 1,
        Reason.FUTURE: 1,
        Reason.BLANK: 1,
    }
    assert [(skipped.place, skipped.reason) for skipped in report.examples] == [
        ("sample:22", Reason.NOT_JSON),
        ("sample:23", Reason.MALFORMED),
        ("sample:24", Reason.FUTURE),
    ]
    assert report.cuts == {Cut.QUOTE: 1}
    assert_valid_and_unique(events)


def test_sample_folds_alike_once_twice_and_shuffled() -> None:
    events = as_dicts(jetstream(sample_lines()))
    shuffled = [*events, *events]
    Random(7).shuffle(shuffled)
    assert_folds_alike(events, [events + events, shuffled, shuffled[::-1]])


def test_loading_again_gives_the_same_events_with_and_without_the_mapping(tmp_path: Path) -> None:
    lines = sample_lines()
    with open_mapping(tmp_path / "ids") as mapping:
        first = jetstream(lines, mapping)
    with open_mapping(tmp_path / "ids") as mapping:
        assert jetstream(lines, mapping) == first
    assert jetstream(lines) == first


def test_interrupted_load_that_is_repeated_gives_the_same_events(tmp_path: Path) -> None:
    lines = sample_lines()
    with open_mapping(tmp_path / "ids") as mapping:
        jetstream(lines[:11], mapping)
    with open_mapping(tmp_path / "ids") as mapping:
        assert jetstream(lines, mapping) == jetstream(lines)


def test_mapping_is_written_before_the_events_that_need_it_leave(tmp_path: Path) -> None:
    key = tid(NOON_US)
    with open_mapping(tmp_path / "ids") as mapping:
        reader = JetstreamReader(mapping, ImportReport(), now_ms)
        lines = [InputLine(1, line(BO, FOLLOW, key, {"subject": ADA}))]
        events = events_of_lines(
            lines, reader.read, ImportReport(), mapping, name="sample", now_ms=now_ms
        )
        assert isinstance(next(events), UserFollowed)  # and the process is killed here
    with open_mapping(tmp_path / "ids") as mapping:
        assert mapping.recall(f"at://{BO}/{FOLLOW}/{key}") is not None


def test_accounts_with_one_hash_stay_two_users_and_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mapping_module, "user_candidate", lambda _name: 7)
    report = ImportReport()
    follow, back = jetstream(
        [
            line(BO, FOLLOW, tid(NOON_US), {"subject": ADA}),
            line(ADA, FOLLOW, tid(NOON_US), {"subject": BO}),
        ],
        report=report,
    )
    assert isinstance(follow, UserFollowed)
    assert isinstance(back, UserFollowed)
    assert (follow.follower_id, follow.followee_id) == (back.followee_id, back.follower_id)
    assert {follow.follower_id, follow.followee_id} == {7, 8}
    assert report.collisions == report.summary()["collisions"] == 1
    assert "1 names have the hash of another one" in report.text()


def test_deletion_in_a_later_file_finds_its_record_in_the_mapping(tmp_path: Path) -> None:
    key = tid(NOON_US)
    follow = line(BO, FOLLOW, key, {"subject": ADA})
    unfollow = line(BO, FOLLOW, key, operation="delete", time_us=NOON_US + 9_000_000)
    with open_mapping(tmp_path / "ids") as mapping:
        jetstream([follow], mapping)
    with open_mapping(tmp_path / "ids") as mapping:
        assert described(jetstream([unfollow], mapping)) == ["UserUnfollowed 9 bo ada"]


@pytest.mark.parametrize("collection", [LIKE, FOLLOW, BLOCK])
def test_deletion_of_a_record_never_seen_is_skipped(collection: str) -> None:
    report = ImportReport()
    assert jetstream([line(BO, collection, tid(NOON_US), operation="delete")], report=report) == []
    assert report.skipped == {Reason.UNKNOWN_RECORD: 1}
    assert report.broken == 0


def test_record_key_used_again_means_its_latest_record() -> None:
    key = tid(NOON_US)
    events = jetstream(
        [
            line(BO, FOLLOW, key, {"subject": ADA}, time_us=NOON_US),
            line(BO, FOLLOW, key, operation="delete", time_us=NOON_US + 1_000_000),
            line(BO, FOLLOW, key, {"subject": CY}, time_us=NOON_US + 2_000_000),
            line(BO, FOLLOW, key, operation="delete", time_us=NOON_US + 3_000_000),
        ]
    )
    assert described(events) == [
        "UserFollowed 0 bo ada",
        "UserUnfollowed 1 bo ada",
        "UserFollowed 2 bo cy",
        "UserUnfollowed 3 bo cy",
    ]


def test_like_before_its_post_names_the_id_that_the_post_gets() -> None:
    key = tid(NOON_US)
    like = line(BO, LIKE, tid(NOON_US + 1), {"subject": {"uri": f"at://{ADA}/{POST}/{key}"}})
    post = line(ADA, POST, key, {"text": "Late", "createdAt": "2087-01-01T00:00:00Z"})
    (liked,), (created,) = jetstream([like]), jetstream([post])
    assert isinstance(liked, ContentLiked)
    assert isinstance(created, PostCreated)
    assert liked.content_id == created.post_id
    assert id_time(created.post_id) == created.occurred_at == NOON_US // 1000


@pytest.mark.parametrize(
    "key",
    [
        "self",
        "first-post",
        "3l3qo2vuowo2",  # 12 digits
        "z222222222222",  # the top bit is set
        tid(NOON_US + 3_600_000_000),  # an hour after the line
        tid(1_000_000),  # 1970
    ],
)
def test_post_without_a_credible_time_in_its_key_is_dated_by_its_line(key: str) -> None:
    seen_us = NOON_US + 77_000_000
    uri = f"at://{ADA}/{POST}/{key}"
    lines = [
        line(ADA, POST, key, {"text": "Odd"}, time_us=seen_us),
        line(BO, LIKE, tid(seen_us), {"subject": {"uri": uri}}, time_us=seen_us + 86_400_000_000),
        line(ADA, POST, key, {"text": "Odder"}, operation="update", time_us=seen_us + 5),
        line(ADA, POST, key, operation="delete", time_us=seen_us + 9),
    ]
    report = ImportReport()
    post, like, edit, delete = jetstream(lines, report=report)
    assert isinstance(post, PostCreated)
    assert isinstance(like, ContentLiked)
    assert isinstance(edit, PostEdited)
    assert isinstance(delete, PostDeleted)
    assert post.occurred_at == seen_us // 1000
    assert {like.content_id, edit.post_id, delete.post_id} == {post.post_id}
    assert not report.cuts


def test_reference_to_an_unseen_post_of_unknown_time_is_kept_and_counted() -> None:
    report = ImportReport()
    uri = f"at://{ADA}/{POST}/self"
    lines = [
        line(BO, LIKE, tid(NOON_US), {"subject": {"uri": uri}}),
        line(CY, REPOST, tid(NOON_US), {"subject": {"uri": uri}}),
    ]
    like, repost = jetstream(lines, report=report)
    assert isinstance(like, ContentLiked)
    assert isinstance(repost, PostCreated)
    assert like.content_id == repost.repost_of
    assert report.cuts == {Cut.CONTENT_TIME: 2}


def test_tid_of_the_specification_decodes_to_its_time() -> None:
    assert tid_ms("3jzfcijpj2z2a") == 1_688_137_381_887
    assert tid_ms("7777777777777") is not None
    assert tid_ms("2222222222222") == 0
    for other in ("3jzfcijpj2z21", "3JZFCIJPJ2Z2A", "3jzfcijpj2z2aa", "kjzfcijpj2z2a", ""):
        assert tid_ms(other) is None


def test_facets_count_bytes_and_must_be_in_the_text() -> None:
    text = "🌍é #naïve"

    def facet(start: int, end: int, tag: str | None = None) -> dict[str, object]:
        feature = {"$type": "app.bsky.richtext.facet#tag"} | ({"tag": tag} if tag else {})
        return {"index": {"byteStart": start, "byteEnd": end}, "features": [feature]}

    facets = [
        facet(7, 14),  # "#naïve", named by its bytes alone
        facet(7, 14, "other"),
        facet(7, 15, "beyond"),
        facet(1, 4, "inside a character"),
        facet(3, 3, "empty"),
        facet(-1, 4, "negative"),
    ]
    report = ImportReport()
    (post,) = jetstream(
        [line(ADA, POST, tid(NOON_US), {"text": text, "facets": facets})], report=report
    )
    assert isinstance(post, PostCreated)
    assert post.hashtags == ("naïve", "other")
    assert report.cuts == {Cut.FACETS: 4}


def test_post_beyond_the_limits_is_shortened_and_counted() -> None:
    images = [{"image": {"ref": {"$link": f"bafk{n}"}}} for n in range(12)]
    record = {
        "text": "🌍" * 10_001,
        "tags": [f"t{n}" for n in range(40)] + ["T1", "#", "", "x" * 101],
        "embed": {"$type": "app.bsky.embed.images", "images": images},
    }
    report = ImportReport()
    (post,) = jetstream([line(ADA, POST, tid(NOON_US), record)], report=report)
    assert isinstance(post, PostCreated)
    assert len(post.text) == 10_000
    assert post.text.endswith("🌍…")
    assert len(post.hashtags) == 30
    assert len(post.media) == 10
    assert report.cuts == {Cut.TEXT: 1, Cut.HASHTAGS: 11, Cut.MEDIA: 2}
    (whole,) = jetstream([line(ADA, POST, tid(NOON_US), {"text": "🌍" * 10_000})])
    assert isinstance(whole, PostCreated)
    assert whole.text == "🌍" * 10_000


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\n", Reason.BLANK),
        (b"{", Reason.NOT_JSON),
        (b'{"did":"\\ud800"}', Reason.NOT_JSON),
        (b"[]", Reason.MALFORMED),
        (b'{"kind":"info"}', Reason.OTHER_KIND),
        (line("did:plc:", POST, "x"), Reason.MALFORMED),
        (line(ADA, POST, "a/b", {"text": ""}), Reason.MALFORMED),
        (line(ADA, POST, tid(NOON_US), {"text": 7}), Reason.MALFORMED),
        (line(ADA, POST, tid(NOON_US)), Reason.MALFORMED),
        (line(ADA, POST, tid(NOON_US), {"text": "", "reply": {}}), Reason.MALFORMED),
        (
            line(ADA, LIKE, tid(NOON_US), {"subject": {"uri": "at://ada.example/x/y"}}),
            Reason.MALFORMED,
        ),
        (line(ADA, LIKE, tid(NOON_US), {}, operation="update"), Reason.OTHER_OPERATION),
        (line(ADA, BLOCK, tid(NOON_US), {"subject": ADA}), Reason.SELF_BLOCK),
        (line(ADA, FOLLOW, tid(NOON_US), {"subject": "ada"}), Reason.MALFORMED),
        (line(ADA, POST, tid(NOON_US), {"text": ""}, time_us=0), Reason.TIME_OUT_OF_RANGE),
        (line(ADA, POST, tid(NOON_US), {"text": ""}, time_us=1 << 52), Reason.FUTURE),
    ],
)
def test_line_without_event_is_counted_with_its_reason(raw: bytes, reason: Reason) -> None:
    report = ImportReport()
    assert jetstream([raw], report=report) == []
    assert report.skipped == {reason: 1}


def test_events_of_one_microsecond_have_ids_of_their_own() -> None:
    follows = [
        line(f"did:plc:{n}", FOLLOW, tid(NOON_US), {"subject": ADA}, time_us=NOON_US)
        for n in range(1500)
    ]
    events = jetstream(follows)
    assert len({event.event_id for event in events}) == 1500
    assert all(isinstance(e, UserFollowed) and id_time(e.event_id) == e.occurred_at for e in events)
    assert jetstream(follows + follows) == events + events


def test_unlike_after_a_like_in_one_millisecond_is_the_later_stamp() -> None:
    key = tid(NOON_US)
    subject = {"subject": {"uri": f"at://{ADA}/{POST}/{key}"}}
    for n in range(50):  # whatever their hashes are
        like, unlike = jetstream(
            [
                line(BO, LIKE, f"{key}{n}", subject, time_us=NOON_US + 100),
                line(BO, LIKE, f"{key}{n}", operation="delete", time_us=NOON_US + 101),
            ]
        )
        assert isinstance(unlike, ContentUnliked)
        assert unlike.occurred_at == like.occurred_at
        assert unlike.event_id > like.event_id
