"""Comments and views."""

import pytest

from streams.views.effects import DeleteComment, Effects, SeeContent, Stamp
from streams.views.rows import Viewing
from tests.contract.store_cases import MAX64, StoreCases, apply_each, orders
from tests.contract.store_events import MS_2024, Scope, Store


class EngagementCases(StoreCases):
    """Subclassed once per store; ids are of the test's own range, so stores may be shared."""

    def test_likers_and_likes_come_in_pages(self, store: Store, scope: Scope) -> None:
        users, contents = scope.users(7), sorted(scope.content() for _ in range(5))
        liked, *others = contents
        store.apply(
            Effects(
                likes=[
                    *(
                        scope.like(liked, user, Stamp(MS_2024, 1, user == users[3]))
                        for user in users
                    ),
                    *(scope.like(one, users[0], Stamp(MS_2024, 1)) for one in others),
                    scope.like(others[1], users[0], Stamp(MS_2024, 2, True)),
                ]
            )
        )
        fans = [user for user in users if user != users[3]]
        assert store.likers_among(liked, [*users[2:], scope.user()]) == set(fans[2:])
        assert store.likers_among(liked, []) == set()
        assert list(store.content_likers(liked, 0, 100)) == fans
        assert list(store.content_likers(liked, fans[1], 3)) == fans[2:5]
        assert list(store.content_likers(liked, fans[-1], 3)) == []
        mine = [one for one in reversed(contents) if one != others[1]]
        assert list(store.user_likes(users[0], None, 100)) == mine
        assert list(store.user_likes(users[0], mine[0], 2)) == mine[1:3]
        assert list(store.user_likes(users[0], mine[-1], 2)) == []
        assert list(store.user_likes(users[3], None, 5)) == []
        assert list(store.user_likes(scope.user(), None, 5)) == []

    @orders
    @pytest.mark.parametrize(
        ("content", "who", "deleted"),
        [
            ("own", "user", True),
            ("own", "owner", True),
            ("own", "stranger", False),
            ("other", "user", False),
            ("other", "owner", False),
        ],
    )
    def test_a_comment_is_deleted_by_its_user_or_owner_on_its_content(
        self,
        store: Store,
        scope: Scope,
        content: str,
        who: str,
        deleted: bool,
        backwards: bool,
    ) -> None:
        contents = {"own": scope.content(), "other": scope.content()}
        people = dict(zip(("user", "owner", "stranger"), scope.users(3), strict=True))
        comment = scope.content()
        create = scope.comment(comment, contents["own"], people["user"], 1, owner=people["owner"])
        batches = [
            Effects(create_comments=[create]),
            Effects(delete_comments=[DeleteComment(comment, contents[content], people[who])]),
        ]
        for effects in reversed(batches) if backwards else batches:
            store.apply(effects)
        assert store.comments([comment])[comment].deleted is deleted

    @orders
    def test_of_one_comment_on_two_contents_only_the_first_can_be_deleted(
        self, store: Store, scope: Scope, backwards: bool
    ) -> None:
        user, owner = scope.users(2)
        first, second, comment = scope.content(), scope.content(), scope.content()
        batches = [
            Effects(create_comments=[scope.comment(comment, first, user, 1, owner=owner)]),
            Effects(create_comments=[scope.comment(comment, second, user, 2, owner=owner)]),
            Effects(delete_comments=[DeleteComment(comment, second, user)]),
        ]
        for effects in reversed(batches) if backwards else batches:
            store.apply(effects)
        row = store.comments([comment])[comment]
        assert (row.content_id, row.deleted) == (first, False)
        store.apply(Effects(delete_comments=[DeleteComment(comment, first, owner)]))
        assert store.comments([comment])[comment].deleted

    def test_comments_are_paged_by_id(self, store: Store, scope: Scope) -> None:
        content, other = scope.content(), scope.content()
        ids = sorted(scope.content(MS_2024 + at) for at in range(20))
        creates = [scope.comment(comment, content, 1, 1, owner=2) for comment in ids]
        creates.append(scope.comment(scope.content(), other, 1, 1, owner=2))
        store.apply(Effects(create_comments=creates))
        walked: list[int] = []
        while page := store.content_comments(content, walked[-1] if walked else 0, 7):
            walked += page
        assert walked == ids
        assert list(store.content_comments(content, 0, 0)) == []

    def test_commenters_come_in_pages_by_user(self, store: Store, scope: Scope) -> None:
        content, other, users = scope.content(), scope.content(), sorted(scope.users(3))
        creates = [
            scope.comment(scope.content(MS_2024 + n), content, users[n % 3], 1, owner=9)
            for n in range(12)
        ]
        elsewhere = scope.comment(scope.content(), other, users[0], 1, owner=9)
        store.apply(Effects(create_comments=[*creates, elsewhere]))
        expected = sorted((create.user_id, create.comment_id) for create in creates)
        for limit in (1, 5, 12, 13):
            walked: list[tuple[int, int]] = []
            while page := store.content_commenters(
                content, walked[-1] if walked else (0, 0), limit
            ):
                walked += page
            assert walked == expected
        past_first = store.content_commenters(content, (users[0], MAX64), 100)
        assert list(past_first) == [pair for pair in expected if pair[0] > users[0]]
        assert list(store.content_commenters(content, (0, 0), 0)) == []

    @orders
    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (MS_2024, MS_2024 + 1),
            (MS_2024, MS_2024),
            (-5, 5),
            (0, 1),
            (-MAX64 - 1, -MAX64),
            (MAX64 - 1, MAX64),
            (-MAX64 - 1, MAX64),
        ],
    )
    def test_the_earliest_view_stands(
        self, store: Store, scope: Scope, first: int, second: int, backwards: bool
    ) -> None:
        content, viewer = scope.content(), scope.user()
        seen = [SeeContent(content, viewer, at) for at in (first, second)]
        apply_each(store, "views", seen[::-1] if backwards else seen)
        assert store.viewers(content) == {viewer: first}

    @pytest.mark.parametrize("as_story", [True, False], ids=["story", "called a post"])
    def test_viewers_come_in_pages_latest_first(
        self, store: Store, scope: Scope, as_story: bool
    ) -> None:
        content, other, viewers = scope.content(), scope.content(), scope.users(60)
        times = {viewer: MS_2024 + number // 7 for number, viewer in enumerate(viewers)}
        views = [SeeContent(content, viewer, at, as_story) for viewer, at in times.items()]
        views += [SeeContent(other, viewer, MS_2024, True) for viewer in scope.users(3)]
        # Most come again, at all times of the others; one had come before all.
        views += [
            SeeContent(content, viewer, MS_2024 + n % 40, True)
            for n, viewer in enumerate(viewers[:50] * 3)
        ]
        views.append(SeeContent(content, viewers[-1], MS_2024 - 5, True))
        for view in views:
            times[view.viewer_id] = min(view.seen_at, times.get(view.viewer_id, view.seen_at))
        for start in range(0, len(views), 25):
            store.apply(Effects(views=views[start : start + 25]))
        expected = sorted((Viewing(times[viewer], viewer) for viewer in viewers), reverse=True)
        for limit in (1, 7, 59, 60, 61):
            walked: list[Viewing] = []
            while page := store.latest_viewers(content, walked[-1] if walked else None, limit):
                assert len(page) in (limit, len(expected) - len(walked))
                walked += page
            assert walked == expected
        assert list(store.latest_viewers(content, None, 0)) == []
        assert store.first_view(content, viewers[-1]) == MS_2024 - 5
        assert store.first_view(content, scope.user()) is None

    @orders
    def test_a_view_that_is_called_a_posts_is_a_view_of_the_story(
        self, store: Store, scope: Scope, backwards: bool
    ) -> None:
        content, early, late = scope.content(), *scope.users(2)
        views = [
            SeeContent(content, early, MS_2024 + 5, True),
            SeeContent(content, early, MS_2024, False),
            SeeContent(content, late, MS_2024 + 3, False),
        ]
        apply_each(store, "views", views[::-1] if backwards else views)
        expected = [Viewing(MS_2024 + 3, late), Viewing(MS_2024, early)]
        assert list(store.latest_viewers(content, None, 5)) == expected

    def test_viewers_and_what_they_viewed(self, store: Store, scope: Scope) -> None:
        viewers = scope.users(100)
        contents = [scope.content() for _ in range(5)]
        views = [
            SeeContent(content, viewer, MS_2024 + number)
            for number, viewer in enumerate(viewers)
            for content in contents[: 1 + number % 4]
        ]
        store.apply(Effects(views=views))
        assert store.viewers(contents[0]) == {
            viewer: MS_2024 + number for number, viewer in enumerate(viewers)
        }
        assert store.viewers(contents[4]) == {}
        assert set(store.few_viewers(contents[0], 100) or ()) == set(viewers)
        assert store.few_viewers(contents[0], 99) is None
        assert store.few_viewers(contents[4], 0) is not None
        assert not store.few_viewers(contents[4], 0)
        assert store.viewed(viewers[0], contents) == set(contents[:1])
        assert store.viewed(viewers[3], contents) == set(contents[:4])
        assert store.viewed(viewers[3], contents[4:]) == set()
        assert store.viewed(scope.user(), contents) == set()
