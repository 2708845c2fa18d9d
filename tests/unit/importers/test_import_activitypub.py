"""Outboxes as events: the sample archive entry by entry, then each rule by itself."""

from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from streams.contracts.events import (
    ContentLiked,
    ContentUnliked,
    PostCreated,
    PostDeleted,
    UserBlocked,
    UserFollowed,
    UserUnblocked,
    UserUnfollowed,
)
from streams.errors import UserError
from streams.importers.html_text import plain_text
from streams.importers.mapping import open_mapping
from streams.importers.outbox_files import items_of, outbox_files
from streams.importers.report import Cut, ImportReport, Reason
from tests.support.imported import (
    SAMPLES,
    as_dicts,
    assert_folds_alike,
    assert_valid_and_unique,
    outbox,
)

NOON = 1_740_830_400_000
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
EDDA = "https://harbour.example/users/edda"
FINN = "https://quay.example/users/finn"
STATUS = f"{EDDA}/statuses/114087061094400001"  # noon
AT_NOON = "2025-03-01T12:00:00Z"


def entries(*names: str) -> list[Any]:
    """Return the entries of the sample's files, in this order."""
    return [item.value for name in names for item in items_of(SAMPLES / "archive" / name)]


def note(uri: str = STATUS, *, actor: str = EDDA, **fields: Any) -> dict[str, Any]:
    """Return an activity that creates a public note."""
    activity = {"id": f"{uri}/activity", "type": "Create", "actor": actor, "published": AT_NOON}
    content = {"id": uri, "type": "Note", "attributedTo": actor, "content": "<p>Ahoy</p>"}
    return {**activity, "to": [PUBLIC], "object": {**content, "published": AT_NOON, **fields}}


def act(kind: str, target: Any, *, number: int = 1, at: str | None = AT_NOON) -> dict[str, Any]:
    activity = {"id": f"{EDDA}#acts/{number}", "type": kind, "actor": EDDA, "object": target}
    return activity | ({"published": at} if at else {})


def post_of(activity: dict[str, Any], report: ImportReport | None = None) -> PostCreated:
    (event,) = outbox([activity], report=report)
    assert isinstance(event, PostCreated)
    return event


def test_sample_gives_one_event_or_reason_for_each_entry() -> None:
    report = ImportReport()
    events = outbox(entries("outbox.json", "pier.json"), report=report)
    with open_mapping(None) as mapping:
        edda, finn = mapping.user(EDDA), mapping.user(FINN)
    dicts = as_dicts(events)
    assert [(event["type"], (event["occurred_at"] - NOON) / 1000) for event in dicts] == [
        ("PostCreated", 0),
        ("PostCreated", 60),
        ("PostCreated", 180),
        ("ContentLiked", 240),
        ("ContentLiked", 300),
        ("ContentUnliked", 360),
        ("UserFollowed", 420),
        ("UserUnfollowed", 480),
        ("PostDeleted", 540),
        ("PostEdited", 600),
        ("PostDeleted", 660),
        ("PostCreated", -29.75),
    ]
    post, repost, reply, like, liked, unliked, follow, unfollow, unrepost, edit, _, sale = dicts
    assert post["text"] == "Fog & gulls\nat the #Hafen\n\nhttps://tides.example/tables/2025"
    assert post["hashtags"] == ["hafen"]
    assert post["media"] == [
        "https://harbour.example/media_attachments/files/114/087/original/fog.jpg"
    ]
    assert repost["repost_of"] == reply["reply_to"] == liked["content_id"]
    assert repost["repost_of_author"] == reply["reply_to_author"] == finn
    assert reply["text"] == "tides\n\nHigh water at noon"
    assert like["content_id"] == sale["post_id"]
    assert like["owner_id"] == sale["author_id"]
    assert (unliked["content_id"], unliked["user_id"]) == (liked["content_id"], edda)
    assert (follow["followee_id"], unfollow["followee_id"]) == (finn, finn)
    assert unrepost["post_id"] == repost["post_id"]
    assert (edit["post_id"], edit["text"]) == (reply["post_id"], "High water at one")
    assert report.items == 16 == len(events) + report.skipped.total()
    assert report.skipped == {
        Reason.NOT_PUBLIC: 1,
        Reason.NO_TIME: 1,
        Reason.OTHER_ACTIVITY: 1,
        Reason.BARE_REFERENCE: 1,
    }
    assert not report.cuts
    assert_valid_and_unique(events)


def test_sample_folds_alike_once_twice_and_shuffled() -> None:
    events = as_dicts(outbox(entries("outbox.json", "pier.json")))
    shuffled = [*events, *events]
    Random(3).shuffle(shuffled)
    assert_folds_alike(events, [events + events, shuffled, shuffled[::-1]])


def test_order_of_the_files_does_not_matter() -> None:
    one, other = entries("outbox.json", "pier.json"), entries("pier.json", "outbox.json")
    by_id = [sorted(outbox(values), key=lambda event: event.event_id) for values in (one, other)]
    assert by_id[0] == by_id[1]


@pytest.mark.parametrize("field", ["to", "cc"])
@pytest.mark.parametrize("public", [PUBLIC, "as:Public", "Public"])
def test_note_is_public_by_its_receivers(field: str, public: str) -> None:
    for receivers in (public, [EDDA, public]):
        activity = note() | {"to": [], field: receivers}
        assert post_of(activity).text == "Ahoy"


@pytest.mark.parametrize("receivers", [[], [f"{EDDA}/followers"], FINN, None, [None], 7])
def test_private_message_is_never_loaded(receivers: Any) -> None:
    report = ImportReport()
    private = note(to=receivers, cc=receivers) | {"to": receivers}
    announce = act("Announce", STATUS) | {"to": receivers}
    update = private | {"type": "Update"}
    assert outbox([private, announce, update], report=report) == []
    assert report.skipped == {Reason.NOT_PUBLIC: 3}


def test_time_of_a_note_is_that_of_its_status_id_if_both_agree() -> None:
    assert post_of(note()).occurred_at == NOON
    assert post_of(note(published="2025-03-01T11:59:59Z")).occurred_at == NOON
    imported = note(published="2019-05-05T05:05:05Z")  # moved from an older server
    assert post_of(imported).occurred_at == 1_557_032_705_000
    old = note(f"{EDDA}/statuses/1234567", published="2017-05-05T05:05:05Z")
    assert post_of(old).occurred_at == 1_493_960_705_000


def test_like_of_an_unseen_status_names_the_id_that_it_gets() -> None:
    (like,) = outbox([act("Like", STATUS, at="2025-03-02T00:00:00Z")])
    assert isinstance(like, ContentLiked)
    assert like.content_id == post_of(note()).post_id


def test_like_of_a_note_loaded_earlier_finds_it_in_the_mapping(tmp_path: Path) -> None:
    uri = f"{EDDA}/statuses/01JN8ZK0000000000000000000"
    with open_mapping(tmp_path / "ids") as mapping:
        (post,) = outbox([note(uri)], mapping)
    with open_mapping(tmp_path / "ids") as mapping:
        (like,) = outbox([act("Like", uri)], mapping)
    assert isinstance(post, PostCreated)
    assert isinstance(like, ContentLiked)
    assert like.content_id == post.post_id


def test_reference_to_a_note_of_unknown_time_is_kept_and_counted() -> None:
    report = ImportReport()
    uri = f"{FINN}/statuses/01JN8ZK0000000000000000000"
    announce = act("Announce", uri) | {"to": PUBLIC}
    like, repost = outbox([act("Like", uri, number=2), announce], report=report)
    assert isinstance(like, ContentLiked)
    assert isinstance(repost, PostCreated)
    assert like.content_id == repost.repost_of
    assert report.cuts == {Cut.CONTENT_TIME: 2}


def test_block_follow_and_like_are_undone_by_object_and_by_reference() -> None:
    acts = [act("Block", FINN), act("Follow", FINN, number=2), act("Like", STATUS, number=3)]
    embedded = [act("Undo", done, number=9) for done in acts]
    by_reference = [act("Undo", done["id"], number=9) for done in acts]
    for undone in (embedded, by_reference):
        events = outbox([*acts, *undone])
        assert [type(event) for event in events] == [
            UserBlocked, UserFollowed, ContentLiked, UserUnblocked, UserUnfollowed, ContentUnliked,
        ]  # fmt: skip


def test_undo_in_the_second_of_its_activity_is_the_later_stamp() -> None:
    for number in range(50):  # whatever their hashes are
        done = act("Follow", f"{FINN}{number}")
        follow, undo = outbox([done, act("Undo", done)])
        assert isinstance(undo, UserUnfollowed)
        assert undo.occurred_at == follow.occurred_at
        assert undo.event_id > follow.event_id


def test_undo_in_a_later_outbox_finds_its_activity_in_the_mapping(tmp_path: Path) -> None:
    with open_mapping(tmp_path / "ids") as mapping:
        outbox([act("Follow", FINN)], mapping)
    with open_mapping(tmp_path / "ids") as mapping:
        (event,) = outbox([act("Undo", f"{EDDA}#acts/1", number=2)], mapping)
    assert isinstance(event, UserUnfollowed)


def test_deleted_note_is_deleted_by_its_uri() -> None:
    created, deleted = outbox([note(), act("Delete", {"id": STATUS, "type": "Tombstone"})])
    assert isinstance(created, PostCreated)
    assert isinstance(deleted, PostDeleted)
    assert (deleted.post_id, deleted.author_id) == (created.post_id, created.author_id)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (7, Reason.MALFORMED),
        ({}, Reason.MALFORMED),
        ({"type": ["Create"]}, Reason.MALFORMED),
        ({"type": "Create"}, Reason.MALFORMED),
        (note() | {"object": STATUS}, Reason.BARE_REFERENCE),
        (note(type="Video"), Reason.OTHER_OBJECT),
        (note(type=["Note"]), Reason.OTHER_OBJECT),
        (note(attributedTo=FINN), Reason.NOT_OWN),
        (note(content=["x"]), Reason.MALFORMED),
        (note(content="<![x[y]]>"), Reason.MALFORMED),
        (note(inReplyTo={"no": "id"}), Reason.MALFORMED),
        (note(attachment=[{"url": "http://[x"}]), Reason.MALFORMED),
        (note(published="yesterday"), Reason.MALFORMED),
        (note(published="2025-03-01T12:00:00"), Reason.MALFORMED),
        (note(published="2009-12-31T23:59:59Z"), Reason.TIME_OUT_OF_RANGE),
        (note(published="2091-01-01T00:00:00Z"), Reason.FUTURE),
        (act("Follow", EDDA), Reason.SELF_FOLLOW),
        (act("Block", EDDA), Reason.SELF_BLOCK),
        (act("Follow", FINN, at=None), Reason.NO_TIME),
        (act("Like", "https://pier.example/notes/1"), Reason.AUTHOR_UNKNOWN),
        (act("Delete", EDDA), Reason.ACCOUNT),
        (act("Delete", "https://pier.example/notes/1"), Reason.UNKNOWN_RECORD),
        (act("Undo", "https://pier.example/acts/1"), Reason.UNKNOWN_RECORD),
        (act("Undo", act("Follow", EDDA) | {"actor": FINN}), Reason.NOT_OWN),
        (act("Undo", act("Accept", EDDA)), Reason.OTHER_ACTIVITY),
        (act("Accept", FINN), Reason.OTHER_ACTIVITY),
    ],
)
def test_entry_without_event_is_counted_with_its_reason(value: Any, reason: Reason) -> None:
    report = ImportReport()
    assert outbox([value], report=report) == []
    assert report.skipped == {reason: 1}


def test_long_note_is_shortened_and_counted() -> None:
    report = ImportReport()
    tags = [{"type": "Hashtag", "name": f"#t{n}"} for n in range(31)]
    post = post_of(note(content="<p>" + "é" * 10_001, tag=tags), report)
    assert post.text == "é" * 9_999 + "…"
    assert len(post.hashtags) == 30
    assert report.cuts == {Cut.TEXT: 1, Cut.HASHTAGS: 1}


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("a \n\t b&nbsp;&lt;c&gt; &#x1F30D;", "a b\xa0<c> 🌍"),
        ("<ul><li>x</li><li>y</li></ul>", "x\n\ny"),
        ("a<script>alert(1)</script><style>p{}</style>b", "ab"),
        ("<p>unclosed <b>bold", "unclosed bold"),
        ("", ""),
    ],
)
def test_html_becomes_plain_text(html: str, text: str) -> None:
    assert plain_text(html) == text


def test_files_of_a_folder_are_read_in_order_and_others_are_left() -> None:
    names = [file.name for file in outbox_files(SAMPLES / "archive")]
    assert names == ["outbox.json", "pier.json"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", Reason.NOT_JSON),
        (b"\x1f\x8b broken", Reason.NOT_JSON),
        (b"[]", Reason.NOT_A_COLLECTION),
        (b'{"type":["OrderedCollection"]}', Reason.NOT_A_COLLECTION),
        (b'{"type":"Person","id":"https://x.example/users/1"}', Reason.OTHER_OBJECT),
        (b'{"type":"OrderedCollection","first":"https://x.example/p1"}', Reason.NO_ITEMS),
    ],
)
def test_file_without_entries_is_one_entry_with_its_reason(
    tmp_path: Path, content: bytes, reason: Reason
) -> None:
    (tmp_path / "outbox.json").write_bytes(content)
    assert [item.reason for item in items_of(tmp_path / "outbox.json")] == [reason]


def test_entries_in_an_embedded_first_page_are_read(tmp_path: Path) -> None:
    page = {"type": "OrderedCollectionPage", "orderedItems": [note()]}
    (tmp_path / "o.json").write_bytes(orjson.dumps({"type": "OrderedCollection", "first": page}))
    assert [item.value for item in items_of(tmp_path / "o.json")] == [note()]


def test_missing_path_and_folder_without_json_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        outbox_files(tmp_path / "nothing")
    with pytest.raises(UserError, match="contains no file"):
        outbox_files(tmp_path)
