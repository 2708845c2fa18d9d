"""The judge is judged: each sentence about the views, by an example worked out by hand."""

import pytest

from tests.oracle import validity
from tests.oracle import views as judge
from tests.oracle.validity import Event
from tests.oracle.views import Oracle, tag_key

T = 1_706_702_400_000  # 2024-01-31T12:00:00Z
DAY = 86_400_000
ANN, BOB, CAT, DAN = 1, 2, 3, 4
P1, P2, P3 = ((T - 1_262_304_000_000 + ms) * 4_194_304 for ms in (1, 2, 3))
S1, S2, S3 = (p + 100 for p in (P1, P2, P3))
C1, C2 = P2 + 200, P3 + 200


def ev(kind: str, event_id: int, at: int = 10, **fields: object) -> Event:
    """An event of a type, `at` ms after T."""
    return {"type": kind, "event_id": event_id, "occurred_at": T + at, **fields}


def post(post_id: int, author: int, event_id: int, text: str = "", **fields: object) -> Event:
    at = validity.id_time(post_id) - T
    base = {"author_id": author, "post_id": post_id, "text": text, "hashtags": [], "media": []}
    return ev("PostCreated", event_id, at, **base | fields)


def edit(post_id: int, author: int, event_id: int, at: int, text: str, *tags: str) -> Event:
    base = {"author_id": author, "post_id": post_id, "text": text, "hashtags": [*tags]}
    return ev("PostEdited", event_id, at, **base, media=[])


def gone(post_id: int, author: int, event_id: int) -> Event:
    return ev("PostDeleted", event_id, author_id=author, post_id=post_id)


def story(story_id: int, author: int, event_id: int, lifetime: int = DAY) -> Event:
    at = validity.id_time(story_id) - T
    shown = {"media_url": "u", "caption": "c", "expires_at": T + at + lifetime}
    return ev("StoryCreated", event_id, at, author_id=author, story_id=story_id, **shown)


def follow(one: int, other: int, event_id: int, at: int = 10) -> Event:
    return ev("UserFollowed", event_id, at, follower_id=one, followee_id=other)


def unfollow(one: int, other: int, event_id: int, at: int = 10) -> Event:
    return ev("UserUnfollowed", event_id, at, follower_id=one, followee_id=other)


def act(kind: str, one: int, other: int, event_id: int, at: int = 10) -> Event:
    return ev(kind, event_id, at, user_id=one, target_id=other)


def like(content: int, user: int, event_id: int, at: int = 10, un: bool = False) -> Event:
    kind = "ContentUnliked" if un else "ContentLiked"
    about = {"user_id": user, "content_kind": "POST", "content_id": content, "owner_id": ANN}
    return ev(kind, event_id, at, **about)


def view(
    content: int, user: int, event_id: int, at: int = 10, owner: int = ANN, surface: str = "FEED"
) -> Event:
    about = {"user_id": user, "content_kind": "STORY", "content_id": content, "owner_id": owner}
    return ev("ContentViewed", event_id, at, **about, surface=surface, dwell_ms=1)


def comment(comment_id: int, content: int, user: int, event_id: int, owner: int = ANN) -> Event:
    at = validity.id_time(comment_id) - T
    about = {"user_id": user, "comment_id": comment_id, "content_kind": "POST", "text": "x"}
    return ev("CommentCreated", event_id, at, **about, content_id=content, owner_id=owner)


def uncomment(comment_id: int, content: int, user: int, event_id: int) -> Event:
    return ev("CommentDeleted", event_id, user_id=user, comment_id=comment_id, content_id=content)


def ids(posts: list[judge.Answer]) -> list[int]:
    return [entry["post_id"] for entry in posts]


class TestCreatingEditingDeleting:
    def test_of_two_creates_the_smaller_event_id_counts(self) -> None:
        first, second = post(P1, BOB, 7, "seven"), post(P1, ANN, 5, "five")
        for events in ([first, second], [second, first]):
            assert Oracle(events).author_feed(BOB) == []
            assert [p["text"] for p in Oracle(events).author_feed(ANN)] == ["five"]
            assert Oracle(events).conflicts() == {P1: 1}

    def test_a_duplicate_is_no_conflict(self) -> None:
        assert Oracle([post(P1, ANN, 1)] * 3).conflicts() == {}

    def test_an_edit_outranks_the_create_whatever_its_time(self) -> None:
        [shown] = Oracle([edit(P1, ANN, 1, -DAY, "old"), post(P1, ANN, 9)]).author_feed(ANN)
        assert (shown["text"], shown["edited"]) == ("old", True)

    def test_among_edits_the_later_stamp_wins(self) -> None:
        by_time = [post(P1, ANN, 1), edit(P1, ANN, 9, 20, "a"), edit(P1, ANN, 2, 21, "b")]
        by_id = [post(P1, ANN, 1), edit(P1, ANN, 9, 20, "a"), edit(P1, ANN, 2, 20, "b")]
        assert [p["text"] for p in Oracle(by_time).author_feed(ANN)] == ["b"]
        assert [p["text"] for p in Oracle(by_id).author_feed(ANN)] == ["a"]

    def test_deleting_wins_for_ever_in_any_order(self) -> None:
        assert Oracle([gone(P1, ANN, 1), post(P1, ANN, 2)]).author_feed(ANN) == []

    def test_edits_and_deletes_count_only_from_the_own_author(self) -> None:
        events = [post(P1, ANN, 1, "t"), edit(P1, BOB, 2, 20, "no"), gone(P1, BOB, 3)]
        assert [p["text"] for p in Oracle(events).author_feed(ANN)] == ["t"]

    def test_the_loser_of_two_creates_cannot_delete(self) -> None:
        events = [post(P1, BOB, 7), gone(P1, BOB, 8), post(P1, ANN, 5)]
        assert ids(Oracle(events).author_feed(ANN)) == [P1]

    @pytest.mark.parametrize(("by", "content", "left"), [
        (BOB, P1, 0),  # who wrote it
        (ANN, P1, 0),  # whose content it is on
        (CAT, P1, 1),
        (BOB, P2, 1),  # another content
    ])  # fmt: skip
    def test_who_may_delete_a_comment(self, by: int, content: int, left: int) -> None:
        events = [post(P1, ANN, 1), comment(C1, P1, BOB, 2), uncomment(C1, content, by, 3)]
        counts = Oracle(events).counts(P1)
        assert counts is not None
        assert counts["comments"] == left


class TestRelations:
    def test_the_last_stamp_decides(self) -> None:
        assert Oracle([unfollow(ANN, BOB, 1, 9), follow(ANN, BOB, 2, 10)]).follows(ANN, BOB)
        assert not Oracle([unfollow(ANN, BOB, 3, 10), follow(ANN, BOB, 2, 10)]).follows(ANN, BOB)

    @pytest.mark.parametrize("ending", [
        unfollow(ANN, BOB, 1),
        act("UserBlocked", ANN, BOB, 1),
        act("UserBlocked", BOB, ANN, 1),
    ])  # fmt: skip
    def test_at_equal_stamps_the_ending_event_wins(self, ending: Event) -> None:
        for events in ([ending, follow(ANN, BOB, 1)], [follow(ANN, BOB, 1), ending]):
            assert not Oracle(events).follows(ANN, BOB)

    def test_block_and_mute_win_their_ties(self) -> None:
        told = Oracle(
            [act(kind, ANN, BOB, 1) for kind in ("UserBlocked", "UserUnblocked")]
            + [act(kind, ANN, BOB, 2) for kind in ("UserMuted", "UserUnmuted")]
        )
        assert told.blocked(ANN, BOB)
        assert told.muted(ANN, BOB)

    def test_a_block_ends_follows_both_ways_and_lifting_it_restores_none(self) -> None:
        events = [
            follow(ANN, BOB, 1),
            follow(BOB, ANN, 2),
            act("UserBlocked", ANN, BOB, 3, 20),
            act("UserUnblocked", ANN, BOB, 4, 30),
        ]
        told = Oracle(events)
        assert not told.blocked(ANN, BOB)
        assert told.graph(ANN) == {"followers": [], "following": []}

    def test_a_follow_during_a_block_stands_hidden_and_shows_once_it_is_lifted(self) -> None:
        during = [
            post(P1, BOB, 1),
            act("UserBlocked", BOB, ANN, 2, 10),
            follow(ANN, BOB, 3, 20),
        ]
        assert Oracle(during).home_feed(ANN) == []
        assert Oracle(during).graph(ANN)["following"] == [BOB]
        lifted = [*during, act("UserUnblocked", BOB, ANN, 4, 30)]
        assert ids(Oracle(lifted).home_feed(ANN)) == [P1]

    def test_a_late_block_does_not_undo_a_later_follow(self) -> None:
        events = [follow(ANN, BOB, 1, 20), act("UserBlocked", BOB, ANN, 2, 10)]
        assert Oracle(events).follows(ANN, BOB)

    def test_the_graph_counts_pairs_both_ways(self) -> None:
        told = Oracle([follow(BOB, ANN, 1), follow(CAT, ANN, 2), follow(ANN, CAT, 3)])
        assert told.graph(ANN) == {"followers": [BOB, CAT], "following": [CAT]}

    def test_the_tier_is_that_of_the_last_stamp(self) -> None:
        def tier(name: str, event_id: int, at: int) -> Event:
            return ev("AuthorTierChanged", event_id, at, author_id=ANN, tier=name)

        assert Oracle([]).tier(ANN) == "REGULAR"
        assert Oracle([tier("CELEBRITY", 1, 2), tier("POPULAR", 2, 1)]).tier(ANN) == "CELEBRITY"


class TestFeeds:
    def test_home_is_the_own_and_the_followed_newest_first(self) -> None:
        told = Oracle([post(P1, BOB, 1), post(P3, ANN, 2), post(P2, CAT, 3), follow(ANN, BOB, 4)])
        assert ids(told.home_feed(ANN)) == [P3, P1]
        assert ids(told.home_feed(ANN, before=P3)) == [P1]
        assert ids(told.home_feed(ANN, before=P1)) == []
        assert ids(told.home_feed(ANN, limit=1)) == [P3]
        assert ids(told.home_feed(DAN)) == []

    def test_unfollowing_takes_posts_away_at_once(self) -> None:
        events = [post(P1, BOB, 1), follow(ANN, BOB, 2), unfollow(ANN, BOB, 3, 11)]
        assert Oracle(events).home_feed(ANN) == []

    @pytest.mark.parametrize("link", ["repost_of", "reply_to"])
    @pytest.mark.parametrize(("carried", "hides"), [(CAT, True), (None, False), (DAN, False)])
    @pytest.mark.parametrize("relation", ["UserMuted", "UserBlocked"])
    def test_the_carried_author_of_an_original_hides(
        self, link: str, carried: int | None, hides: bool, relation: str
    ) -> None:
        entry = post(P2, BOB, 1, hashtags=["t"]) | {link: P1, f"{link}_author": carried}
        told = Oracle([entry, post(P1, CAT, 2), follow(ANN, BOB, 3), act(relation, ANN, CAT, 4)])
        shown = [] if hides else [P2]
        assert ids(told.home_feed(ANN)) == shown
        assert ids(told.hashtag_feed("t", ANN)) == shown
        # On the author's own pages a mute does not hide; without a viewer nothing does.
        on_page = [P2] if relation == "UserMuted" else shown
        assert ids(told.author_feed(BOB, ANN)) == on_page
        assert ids(told.author_feed(BOB)) == ids(told.hashtag_feed("t")) == [P2]

    def test_a_block_hides_from_both_sides_and_a_mute_from_one(self) -> None:
        told = Oracle([post(P1, BOB, 1), post(P2, ANN, 2), act("UserBlocked", ANN, BOB, 3)])
        assert told.author_feed(BOB, ANN) == told.author_feed(ANN, BOB) == []
        events = [
            *(post(P1, BOB, 1), post(P2, ANN, 2), act("UserMuted", ANN, BOB, 3)),
            *(follow(ANN, BOB, 4), follow(BOB, ANN, 5)),
        ]
        told = Oracle(events)
        assert ids(told.home_feed(ANN)) == [P2]
        assert ids(told.home_feed(BOB)) == [P2, P1]
        assert ids(told.author_feed(BOB, ANN)) == [P1]

    def test_an_original_is_null_when_deleted_or_unknown_and_the_entry_stays(self) -> None:
        entry = post(P2, BOB, 1, repost_of=P1, repost_of_author=CAT)
        [alive] = Oracle([entry, post(P1, CAT, 2, "t")]).author_feed(BOB)
        assert alive["reposted"]["text"] == "t"
        for others in ([], [post(P1, CAT, 2), gone(P1, CAT, 3)]):
            [shown] = Oracle([entry, *others]).author_feed(BOB)
            assert (shown["repost_of"], shown["reposted"]) == (P1, None)

    @pytest.mark.parametrize(("tag", "key"), [
        ("#Straße", "strasse"),
        ("STRASSE", "strasse"),
        ("ﬁn", "fin"),
        ("##a", "a"),
        ("＃Ａ", "a"),
        ("cafe\u0301", "caf\u00e9"),
        ("\u0130", "i\u0307"),
        ("a#", "a#"),
        ("#", ""),
    ])  # fmt: skip
    def test_the_key_of_a_tag(self, tag: str, key: str) -> None:
        assert tag_key(tag) == key

    def test_an_edit_may_add_and_remove_tags_and_an_empty_key_is_dropped(self) -> None:
        events = [post(P1, ANN, 1, hashtags=["old", "#"]), edit(P1, ANN, 2, 20, "", "#New")]
        told = Oracle(events)
        assert ids(told.hashtag_feed("NEW")) == [P1]
        assert told.hashtag_feed("old") == told.hashtag_feed("") == told.hashtag_feed("#") == []


class TestCountsAndThreads:
    def test_likes_are_users_whose_last_like_event_is_a_like(self) -> None:
        events = [
            *(post(P1, ANN, 1), like(P1, ANN, 2), like(P1, BOB, 3), like(P1, BOB, 4)),
            *(like(P1, CAT, 5, 20), like(P1, CAT, 6, 21, un=True)),
            *(like(P1, DAN, 7, 20), like(P1, DAN, 7, 20, un=True)),  # the ending event wins
        ]
        assert Oracle(events).likers(P1) == [ANN, BOB]  # own likes count

    def test_views_are_distinct_viewers_but_the_owner_whom_the_event_names(self) -> None:
        events = [
            *(post(P1, ANN, 1), view(P1, ANN, 2), view(P1, BOB, 3), view(P1, BOB, 4)),
            *(view(P1, CAT, 5, owner=CAT), view(P1, DAN, 6, owner=CAT)),
        ]
        counts = Oracle(events).counts(P1)
        assert counts is not None
        assert counts["views"] == 2

    def test_replies_are_no_comments_and_reposts_count_as_posts(self) -> None:
        events = [
            *(post(P1, ANN, 1), post(P2, BOB, 2, repost_of=P1), post(P3, BOB, 3, repost_of=P1)),
            *(post(S1, BOB, 4, reply_to=P1), comment(C1, P1, BOB, 5), comment(C2, P1, BOB, 6)),
            uncomment(C2, P1, BOB, 7),
        ]
        assert Oracle(events).counts(P1) == {"likes": 0, "views": 0, "comments": 1, "reposts": 2}
        told = Oracle([*events, gone(P2, BOB, 8)])
        assert told.counts(P1) == {"likes": 0, "views": 0, "comments": 1, "reposts": 1}

    def test_deleted_and_unknown_content_is_not_found(self) -> None:
        for events in ([], [like(P1, BOB, 1)], [post(P1, ANN, 2), gone(P1, ANN, 3)]):
            told = Oracle(events)
            answers = (told.counts(P1), told.likers(P1), told.thread(P1), told.viewers(P1, ANN))
            assert answers == (None,) * 4

    def test_a_like_of_an_unknown_id_waits_for_it(self) -> None:
        assert Oracle([like(P1, BOB, 1), post(P1, ANN, 2)]).likers(P1) == [BOB]

    def test_stories_and_comments_are_counted_like_posts(self) -> None:
        events = [story(S1, ANN, 1), comment(C1, S1, BOB, 2), like(C1, ANN, 3), like(S1, BOB, 4)]
        told = Oracle(events)
        assert told.counts(C1) == {"likes": 1, "views": 0, "comments": 0, "reposts": 0}
        assert told.counts(S1) == {"likes": 1, "views": 0, "comments": 1, "reposts": 0}

    def test_a_thread_is_oldest_first_and_blocks_hide_its_commenters(self) -> None:
        events = [post(P1, ANN, 1), comment(C2, P1, CAT, 2), comment(C1, P1, BOB, 3)]
        told = Oracle([*events, act("UserBlocked", BOB, DAN, 4), act("UserMuted", DAN, CAT, 5)])
        assert [c["comment_id"] for c in told.thread(P1) or ()] == [C1, C2]
        assert [c["comment_id"] for c in told.thread(P1, DAN) or ()] == [C2]
        hidden = Oracle([*events, act("UserBlocked", ANN, DAN, 6)])
        assert hidden.thread(P1, DAN) is None


class TestStories:
    def test_replies_to_a_story_are_seen_by_its_owner_and_each_by_who_wrote_it(self) -> None:
        told = Oracle([story(S1, ANN, 1), comment(C1, S1, BOB, 2), comment(C2, S1, CAT, 3)])

        def seen(viewer: int | None) -> list[int]:
            return [reply["comment_id"] for reply in told.thread(S1, viewer) or ()]

        assert seen(None) == seen(ANN) == [C1, C2]
        assert (seen(BOB), seen(CAT), seen(DAN)) == ([C1], [C2], [])

    def test_likes_are_listed_by_content_and_by_user(self) -> None:
        events = [post(P1, ANN, 1), story(S1, BOB, 2), like(P1, DAN, 3), like(S1, DAN, 4)]
        told = Oracle([*events, like(P1, CAT, 5)])
        assert told.likers_page(P1) == [CAT, DAN]
        assert told.likes(DAN) == sorted([P1, S1], reverse=True)
        blocked = Oracle([*events, ev("UserBlocked", 9, user_id=CAT, target_id=DAN)])
        assert (blocked.likers_page(P1, CAT), blocked.likes(DAN, CAT)) == ([], [])

    def test_a_story_shows_from_its_creation_until_just_before_it_expires(self) -> None:
        told = Oracle([story(S1, ANN, 1), story(S2, ANN, 2, lifetime=5)])

        def shown(at: int) -> list[int]:
            return [s["story_id"] for s in told.stories(ANN, T + at)]

        assert shown(0) == []
        assert shown(1) == [S1]
        assert shown(2) == shown(6) == [S1, S2]
        assert shown(7) == shown(DAY) == [S1]
        assert shown(DAY + 1) == []

    def test_deleted_stories_and_those_of_blocked_people_do_not_show(self) -> None:
        delete = ev("StoryDeleted", 2, author_id=ANN, story_id=S1)
        assert Oracle([story(S1, ANN, 1), delete]).stories(ANN, T + 10) == []
        wrong = delete | {"author_id": BOB}
        assert len(Oracle([story(S1, ANN, 1), wrong]).stories(ANN, T + 10)) == 1
        blocked = Oracle([story(S1, ANN, 1), act("UserBlocked", ANN, BOB, 2)])
        assert blocked.stories(ANN, T + 10, BOB) == []
        muted = Oracle([story(S1, ANN, 1), act("UserMuted", BOB, ANN, 2)])
        assert len(muted.stories(ANN, T + 10, BOB)) == 1

    def test_the_tray_puts_unseen_authors_first_then_the_newest(self) -> None:
        events = [
            *(story(S1, BOB, 1), story(S2, CAT, 2), story(S3, DAN, 3), story(S1 + 1, ANN, 4)),
            *(follow(ANN, who, 4 + who) for who in (BOB, CAT, DAN)),
            view(S3, ANN, 20, owner=DAN, surface="PROFILE"),
        ]

        def entry(author: int, unseen: int, newest: int) -> judge.Answer:
            return {"author_id": author, "stories": 1, "unseen": unseen, "newest": newest}

        order = [entry(CAT, 1, S2), entry(BOB, 1, S1), entry(DAN, 0, S3)]
        assert Oracle(events).tray(ANN, T + 10) == {
            "own": entry(ANN, 1, S1 + 1),
            "authors": order,
        }
        for relation, left in (("UserMuted", order[1:]), ("UserBlocked", order[1:])):
            told = Oracle([*events, act(relation, ANN, CAT, 30)])
            assert told.tray(ANN, T + 10)["authors"] == left
        assert Oracle(events).tray(ANN, T + 2 * DAY) == {"own": None, "authors": []}

    def test_now_decides_visibility_only_so_a_later_view_makes_a_story_seen(self) -> None:
        seen = view(S1, ANN, 3, at=9 * DAY, owner=BOB, surface="HIGHLIGHT")
        told = Oracle([story(S1, BOB, 1), follow(ANN, BOB, 2, at=5 * DAY), seen])
        assert told.tray(ANN, T + 10)["authors"][0]["unseen"] == 0

    def test_highlights_are_by_the_last_event_of_the_author_and_never_expire(self) -> None:
        def add(title: str, event_id: int, at: int, author: int = ANN) -> Event:
            about = {"author_id": author, "story_id": S1, "title": title}
            return ev("HighlightAdded", event_id, at, **about)

        def titles(*events: Event) -> list[str]:
            return [s["title"] for s in Oracle([story(S1, ANN, 1), *events]).highlights(ANN)]

        remove = ev("HighlightRemoved", 5, 10, author_id=ANN, story_id=S1)
        assert titles(add("b", 3, 11), add("a", 4, 10), add("no", 9, 99, author=BOB)) == ["b"]
        assert titles(add("a", 5, 10), remove) == []  # the ending event wins
        assert titles(add("a", 6, 10), remove) == ["a"]
        assert titles(add("a", 6, 10), ev("StoryDeleted", 7, author_id=ANN, story_id=S1)) == []

    def test_viewers_are_for_the_creator_latest_first_ties_by_user_descending(self) -> None:
        events = [
            *(story(S1, ANN, 1), view(S1, BOB, 2, at=30), view(S1, BOB, 3, at=20)),
            *(view(S1, CAT, 4, at=20), view(S1, DAN, 5, at=25), view(S1, ANN, 6)),
            *(like(S1, CAT, 7), like(S1, DAN, 8, 9), like(S1, DAN, 9, 10, un=True)),
        ]
        assert Oracle(events).viewers(S1, ANN) == [
            {"user_id": DAN, "first_seen": T + 25, "liked": False},
            {"user_id": CAT, "first_seen": T + 20, "liked": True},
            {"user_id": BOB, "first_seen": T + 20, "liked": False},
        ]
        assert Oracle(events).viewers(S1, BOB) is None

    def test_refused_events_are_not_folded(self) -> None:
        late = view(S1, BOB, 2, at=DAY + 1, surface="STORY_TRAY")
        assert Oracle([story(S1, ANN, 1), late]).viewers(S1, ANN) == []
        assert Oracle([follow(ANN, ANN, 1)]).graph(ANN) == {"followers": [], "following": []}


def test_no_answer_depends_on_an_unknown_event() -> None:
    with pytest.raises(ValueError, match="no such event: UserPoked"):
        Oracle([ev("UserPoked", 1)])
