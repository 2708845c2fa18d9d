"""What every store of the views must do, whatever it is made of."""

import pytest

from streams.contracts.ids import EPOCH_MS, MAX_ID, make_id
from streams.errors import StoreUnavailableError
from streams.views.effects import (
    DeleteComment,
    DeletePost,
    DeleteStory,
    Effects,
    Relation,
    SeeContent,
    Stamp,
)
from streams.views.rows import Content
from streams.views.store import Enough
from tests.contract.store_changes import ChangeCases
from tests.contract.store_creates import CreateCases
from tests.contract.store_engagement import EngagementCases
from tests.contract.store_events import DAY_MS, MS_2024, Clock, Scope, Store
from tests.contract.store_expiries import ExpiryCases
from tests.contract.store_pairs import PairCases
from tests.contract.store_tiers import TierCases


class StoreSuite(PairCases, CreateCases, ChangeCases, EngagementCases, TierCases, ExpiryCases):
    """Subclassed once per store; ids are of the test's own range, so stores may be shared."""

    def test_authors_and_tags_are_paged_over_months(self, store: Store, scope: Scope) -> None:
        author, other = scope.users(2)
        tag = scope.tag()
        february = 1_706_745_600_000  # 2024-02-01T00:00:00Z
        times = [
            *(february + offset for offset in (-1, 0, 1)),  # either side of a month's end
            *(february - month * 31 * DAY_MS for month in (2, 2, 2, 9, 14, 30)),
        ]
        ids = sorted({scope.content(at) for at in times}, reverse=True)
        store.apply(Effects(create_posts=[scope.post(i, author, 1, tags=(tag,)) for i in ids]))
        single = scope.content()
        store.apply(Effects(create_posts=[scope.post(single, other, 1)]))
        for limit in (1, 2, 3, len(ids), 100):
            by_author: list[int] = []
            by_tag: list[int] = []
            while len(by_author) < len(ids):
                before = by_author[-1] if by_author else None
                page = store.author_posts([author, other], before, limit)[author]
                tagged = store.tag_posts(tag, before, limit)
                assert len(page) == len(tagged) == min(limit, len(ids) - len(by_author))
                by_author += page
                by_tag += tagged
            assert by_author == by_tag == ids
            assert list(store.author_posts([author], ids[-1], limit)[author]) == []
            assert list(store.tag_posts(tag, ids[-1], limit)) == []
        assert list(store.author_posts([author, other], None, 5)[other]) == [single]
        assert list(store.author_posts([author], None, 0)[author]) == []
        assert list(store.author_posts([author], 1, 5)[author]) == []

    @pytest.mark.parametrize("days", [None, 10, 100, 200])
    @pytest.mark.parametrize("wanted", [1, 4, 9, 1000])
    def test_recent_posts_are_all_down_to_where_they_say(
        self, store: Store, scope: Scope, wanted: int, days: int | None
    ) -> None:
        """Of authors who write every week, every other month, once, and never."""
        weekly, seldom, once, never = authors = scope.users(4)
        written = {
            weekly: [scope.content(MS_2024 + week * 7 * DAY_MS) for week in range(30)],
            seldom: [scope.content(MS_2024 + month * 61 * DAY_MS) for month in range(4)],
            once: [scope.content(MS_2024 - 300 * DAY_MS)],
            never: [],
        }
        posts = [scope.post(i, author, 1) for author, ids in written.items() for i in ids]
        store.apply(Effects(create_posts=posts))
        before: int | None = None
        for _ in range(100):
            for limit in (2, 5, 100):
                newest = before or written[weekly][-1]
                down_to = newest - make_id(EPOCH_MS + days * DAY_MS) if days else 0
                found = store.recent_posts(authors, before, limit, Enough(wanted, down_to))
                told = sum(map(len, found.ids.values()))
                assert found.until <= down_to or told >= wanted
                for author, ids in written.items():
                    some = [
                        i
                        for i in sorted(ids, reverse=True)
                        if i >= found.until and (before is None or i < before)
                    ]
                    assert list(found.ids.get(author, ())) == some[:limit]
            if found.until <= written[once][0]:
                return
            told_ids = (i for ids in found.ids.values() for i in ids)
            before = max(told_ids, default=found.until)
        pytest.fail("it never came to an end")

    def test_a_hot_tag_is_paged_exactly(self, store: Store, scope: Scope) -> None:
        """Hundreds of posts of one minute, and a few of years before."""
        author, tag = scope.user(), scope.tag()
        times = [MS_2024 + offset for offset in range(0, 60_000, 200)]
        times += [MS_2024 - month * 31 * DAY_MS for month in (1, 13, 40)]
        ids = sorted({scope.content(at) for at in times}, reverse=True)
        for part in (ids[::2], ids[1::3], ids):
            store.apply(Effects(create_posts=[scope.post(i, author, 1, tags=(tag,)) for i in part]))
        for limit in (1, 7, 50, len(ids), 1000):
            before, paged = None, list[int]()
            while page := store.tag_posts(tag, before, limit):
                assert len(page) == min(limit, len(ids) - len(paged))
                paged += page
                before = paged[-1]
                if limit == 1 and len(paged) == 25:
                    break
            assert paged == ids[: len(paged)]
            assert limit == 1 or len(paged) == len(ids)

    def test_uses_of_tags_are_told_by_when_the_posts_were_made(
        self, store: Store, scope: Scope, clock: Clock
    ) -> None:
        author, tags = scope.user(), [scope.tag(), scope.tag()]
        hour = 3_600_000
        clock.now = MS_2024 + 25 * hour
        times = [MS_2024 + offset for offset in (0, 1, hour - 1, hour, 5 * hour, 24 * hour)]
        ids = [scope.content(at) for at in times]
        store.apply(Effects(create_posts=[scope.post(i, author, 1, tags=(tags[0],)) for i in ids]))
        edit = scope.edit(ids[3], author, Stamp(MS_2024, 2), "edited", (tags[1],))
        for _ in range(2):
            store.apply(Effects(edit_posts=[edit]))

        def uses(since: int, until: int) -> list[tuple[str, int, int]]:
            return sorted(use for use in store.tag_uses(since, until) if use.tag in tags)

        first = [(tags[0], author, post) for post in ids]
        assert uses(MS_2024, times[-1]) == sorted([*first[1:], (tags[1], author, ids[3])])
        assert uses(MS_2024 - 1, times[2]) == sorted(first[:3])
        assert uses(times[-1], clock.now) == []

    def test_the_largest_and_smallest_ids_are_found(self, store: Store, scope: Scope) -> None:
        author = scope.user()
        ids = [MAX_ID, MAX_ID - 1, 2, 1]
        store.apply(Effects(create_posts=[scope.post(i, author, 1) for i in ids]))
        assert list(store.author_posts([author], None, 9)[author]) == ids
        assert list(store.author_posts([author], MAX_ID, 9)[author]) == ids[1:]
        assert list(store.author_posts([author], 2, 9)[author]) == [1]

    @pytest.mark.parametrize(
        "name", ["'; DROP TABLE posts; --", "\x00", "💥é", "a" * 1800, " ", "%s?{}"]
    )
    def test_a_tag_is_any_text(self, store: Store, scope: Scope, name: str) -> None:
        tag = f"{name}{scope.user()}"
        post, author = scope.content(), scope.user()
        store.apply(Effects(create_posts=[scope.post(post, author, 1, tags=(tag,))]))
        assert list(store.tag_posts(tag, None, 5)) == [post]
        assert store.posts([post])[post].tags == (tag,)

    def test_an_edit_adds_a_tag_and_the_row_says_which_are_current(
        self, store: Store, scope: Scope
    ) -> None:
        post, author = scope.content(), scope.user()
        old, new = scope.tag(), scope.tag()
        store.apply(Effects(create_posts=[scope.post(post, author, 1, tags=(old,))]))
        edit = scope.edit(post, author, Stamp(MS_2024, 2), "edited", (new,))
        store.apply(Effects(edit_posts=[edit]))
        assert list(store.tag_posts(new, None, 5)) == [post]
        assert store.posts([post])[post].tags == (new,)

    def test_reposts_are_found_by_what_they_repost(self, store: Store, scope: Scope) -> None:
        root, other, author = scope.content(), scope.content(), scope.user()
        ids = [scope.content() for _ in range(5)]
        creates = [scope.post(i, author, 1, repost_of=root) for i in ids]
        store.apply(Effects(create_posts=[*creates, scope.post(other, author, 1)]))
        assert sorted(store.reposts(root)) == sorted(ids)
        assert list(store.reposts(other)) == []

    def test_what_is_unknown_is_absent(self, store: Store, scope: Scope) -> None:
        known, unknown, author = scope.content(), scope.content(), scope.user()
        store.apply(Effects(create_posts=[scope.post(known, author, 1)]))
        assert set(store.posts([unknown, known, known])) == {known}
        for content in Content:
            assert store.creators(content, [unknown]) == {}
            assert store.creators(content, []) == {}
        assert store.stories([unknown]) == {}
        assert store.comments([unknown]) == {}
        assert store.posts([]) == {}
        assert list(store.tag_posts(scope.tag(), None, 5)) == []
        assert list(store.author_posts([scope.user()], None, 5).values()) in ([], [[]])
        assert not any(store.relations(scope.user()))
        assert store.likers(unknown) == set()
        assert store.viewers(unknown) == {}
        assert list(store.highlights(scope.user())) == []

    def test_edits_and_deletes_alone_create_nothing(self, store: Store, scope: Scope) -> None:
        author = scope.user()
        post, story, comment = scope.content(), scope.content(), scope.content()
        store.apply(
            Effects(
                edit_posts=[scope.edit(post, author, Stamp(1, 1), "edited")],
                delete_posts=[DeletePost(post, author)],
                delete_stories=[DeleteStory(story, author)],
                highlights=[scope.highlight(story, author, Stamp(1, 1))],
                delete_comments=[DeleteComment(comment, post, author)],
            )
        )
        assert store.posts([post]) == {}
        assert store.stories([story]) == {}
        assert store.comments([comment]) == {}
        assert store.creators(Content.POST, [post]) == {}
        assert store.creators(Content.STORY, [story]) == {}
        assert store.creators(Content.COMMENT, [comment]) == {}

    def test_no_effects_change_nothing(self, store: Store) -> None:
        store.apply(Effects())

    def test_a_large_batch_is_whole_and_repeating_it_changes_nothing(
        self, store: Store, scope: Scope
    ) -> None:
        users = scope.users(500)
        author = users[0]
        posts = [scope.content(MS_2024 + number * 10_000_000) for number in range(1000)]
        long = "€" * 10_000
        effects = Effects(
            create_posts=[
                scope.post(post, author, number + 1, long if number % 100 == 0 else str(number))
                for number, post in enumerate(posts)
            ],
            relations=[
                scope.relation(Relation.FOLLOW, user, author, Stamp(MS_2024, 1))
                for user in users[1:]
            ],
            likes=[
                scope.like(posts[number % 7], user, Stamp(MS_2024, 1))
                for number in range(7)
                for user in users[:250]
            ],
            views=[
                SeeContent(posts[0], viewer, MS_2024 + viewer % 1000)
                for viewer in scope.users(1752)
            ],
        )
        assert len(effects) > 5000
        for _ in range(2):
            store.apply(effects)
            rows = store.posts(posts)
            assert [rows[post].text for post in posts[:2]] == [long, "1"]
            assert len(rows) == 1000
            assert len(store.creators(Content.POST, posts)) == 1000
            assert list(store.author_posts([author], None, 2000)[author]) == posts[::-1]
            assert store.follow_counts(author) == (499, 0)
            assert len(store.followers(author, 0, 1000)) == 499
            for post in posts[:7]:
                assert store.likers(post) == set(users[:250])
            assert len(store.viewers(posts[0])) == 1752


def assert_unavailable(store: Store) -> None:
    """Both sides say that the store does not answer, and say it in one line."""
    for ask in (
        lambda: store.apply(Effects(views=[SeeContent(1, 2, 3)])),
        lambda: store.creators(Content.POST, [1]),
        lambda: store.posts([1]),
        lambda: store.relations(1),
    ):
        with pytest.raises(StoreUnavailableError) as caught:
            ask()
        assert "\n" not in str(caught.value)
