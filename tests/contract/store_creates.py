"""Creates: the smaller event_id counts, and what it carries comes back."""

from streams.views.effects import Effects
from streams.views.rows import Content
from tests.contract.store_cases import StoreCases, all_event_ids, orders
from tests.contract.store_events import DAY_MS, MS_2024, Scope, Store


class CreateCases(StoreCases):
    """Subclassed once per store; ids are of the test's own range, so stores may be shared."""

    @orders
    @all_event_ids
    def test_of_two_creates_by_one_author_the_smaller_event_counts(
        self, store: Store, scope: Scope, first: int, second: int, backwards: bool
    ) -> None:
        author = scope.user()
        post, story, comment = scope.content(), scope.content(), scope.content()
        content = scope.content()
        for event_id in (second, first) if backwards else (first, second):
            name = f"from {event_id}"
            store.apply(
                Effects(
                    create_posts=[scope.post(post, author, event_id, name)],
                    create_stories=[scope.story(story, author, event_id, name)],
                    create_comments=[
                        scope.comment(comment, content, author, event_id, owner=1, text=name)
                    ],
                )
            )
        assert store.posts([post])[post].text == f"from {first}"
        assert store.stories([story])[story].caption == f"from {first}"
        assert store.comments([comment])[comment].text == f"from {first}"
        assert store.creators(Content.POST, [post]) == {post: first}
        assert store.creators(Content.STORY, [story]) == {story: first}
        assert store.creators(Content.COMMENT, [comment]) == {comment: first}

    @orders
    @all_event_ids
    def test_of_two_creates_by_two_authors_the_smaller_event_counts(
        self, store: Store, scope: Scope, first: int, second: int, backwards: bool
    ) -> None:
        loser, winner = scope.users(2)
        post, story, comment = scope.content(), scope.content(), scope.content()
        contents = {winner: scope.content(), loser: scope.content()}
        claims = [(winner, first), (loser, second)]
        for user, event_id in reversed(claims) if backwards else claims:
            store.apply(
                Effects(
                    create_posts=[scope.post(post, user, event_id)],
                    create_stories=[scope.story(story, user, event_id)],
                    create_comments=[
                        scope.comment(comment, contents[user], user, event_id, owner=1)
                    ],
                )
            )
        assert store.posts([post])[post].author_id == winner
        assert store.stories([story])[story].author_id == winner
        row = store.comments([comment])[comment]
        assert (row.user_id, row.content_id) == (winner, contents[winner])
        assert store.creators(Content.POST, [post]) == {post: first}
        assert store.creators(Content.STORY, [story]) == {story: first}
        assert store.creators(Content.COMMENT, [comment]) == {comment: first}

    def test_what_a_create_carries_comes_back(self, store: Store, scope: Scope) -> None:
        author, root_author = scope.users(2)
        post, root = scope.content(), scope.content()
        text = '\x00 é 😀 "quoted" \';-- ' + "x" * 10_000
        create = scope.post(post, author, 1, text)._replace(
            hashtags=("#One", "one", "Zwei"),
            tags=("one", "zwei"),
            media=("m1", "m2"),
            reply_to=root,
            reply_to_author=root_author,
            repost_of=root,
            repost_of_author=root_author,
        )
        store.apply(Effects(create_posts=[create]))
        row = store.posts([post])[post]
        assert row[:10] == (post, author, *create[3:])
        assert (row.edited, row.deleted) == (False, False)
        story = scope.story(scope.content(), author, 1, text, expires_at=MS_2024 + 1)
        comment = scope.comment(scope.content(), post, author, 1, owner=root_author, text="")
        store.apply(Effects(create_stories=[story], create_comments=[comment]))
        assert store.stories([story.story_id])[story.story_id] == (
            *(story.story_id, author, "media", text, MS_2024 + 1),
            *(None, False),
        )
        assert store.comments([comment.comment_id])[comment.comment_id] == (
            *(comment.comment_id, post, author, root_author, "", None),
            False,
        )

    def test_an_authors_stories_come_newest_first_over_the_months(
        self, store: Store, scope: Scope
    ) -> None:
        author, other = scope.users(2)
        offsets = [n * 40 for n in range(12)] + [0, 0, 1, 700]
        ids = sorted({scope.content(MS_2024 - days * DAY_MS) for days in offsets}, reverse=True)
        creates = [scope.story(one, author, 1) for one in ids]
        creates.append(scope.story(scope.content(), other, 1))
        store.apply(Effects(create_stories=creates))
        for limit in (1, 5, 100):
            walked: list[int] = []
            while page := store.stories_by(author, walked[-1] if walked else None, limit):
                walked += page
            assert walked == ids
        assert list(store.stories_by(author, ids[3], 2)) == ids[4:6]
        assert list(store.stories_by(author, None, 0)) == []
        assert list(store.stories_by(scope.user(), None, 5)) == []
