"""Edits, deletions and highlights: in every order, and of the author alone."""

from itertools import permutations

import pytest

from streams.views.effects import DeletePost, DeleteStory, Effects, Stamp
from tests.contract.store_cases import MAX64, StoreCases, all_stamps, apply_each, orders
from tests.contract.store_events import DAY_MS, MS_2024, Clock, Scope, Store


class ChangeCases(StoreCases):
    """Subclassed once per store; ids are of the test's own range, so stores may be shared."""

    @all_stamps
    def test_the_last_edit_stands_in_every_order(
        self, store: Store, scope: Scope, stamps: tuple[Stamp, ...]
    ) -> None:
        author = scope.user()
        for order in permutations(stamps):
            post = scope.content()
            edits = [scope.edit(post, author, s, f"{s.event_id} {s.ended}") for s in order]
            apply_each(store, "edit_posts", edits[:1])
            assert store.posts([post]) == {}
            apply_each(store, "create_posts", [scope.post(post, author, 1)])
            apply_each(store, "edit_posts", edits[1:])
            row = store.posts([post])[post]
            assert row.edited
            assert row.text == f"{max(stamps).event_id} {max(stamps).ended}"
            assert (row.media, row.tags) == (("media",), ())

    @pytest.mark.parametrize("order", list(permutations(("create", "edit", "delete"))))
    def test_a_deleted_post_stays_deleted_in_every_order(
        self, store: Store, scope: Scope, order: tuple[str, ...]
    ) -> None:
        author, post = scope.user(), scope.content()
        effects = {
            "create": Effects(create_posts=[scope.post(post, author, 1)]),
            "edit": Effects(edit_posts=[scope.edit(post, author, Stamp(MAX64, 1), "edited")]),
            "delete": Effects(delete_posts=[DeletePost(post, author)]),
        }
        for kind in order:
            store.apply(effects[kind])
        row = store.posts([post])[post]
        assert (row.deleted, row.edited, row.text) == (True, True, "edited")

    @orders
    def test_others_edit_and_delete_nothing(
        self, store: Store, scope: Scope, backwards: bool
    ) -> None:
        author, stranger = scope.users(2)
        post, story = scope.content(), scope.content()
        claims = Effects(
            edit_posts=[scope.edit(post, stranger, Stamp(MS_2024, 1), "not theirs")],
            delete_posts=[DeletePost(post, stranger)],
            delete_stories=[DeleteStory(story, stranger)],
            highlights=[scope.highlight(story, stranger, Stamp(MS_2024, 1))],
        )
        creates = Effects(
            create_posts=[scope.post(post, author, 5)],
            create_stories=[scope.story(story, author, 5)],
        )
        for effects in (claims, creates) if backwards else (creates, claims):
            store.apply(effects)
        row = store.posts([post])[post]
        assert (row.text, row.edited, row.deleted) == ("text", False, False)
        found = store.stories([story])[story]
        assert (found.highlight, found.deleted) == (None, False)

    @orders
    def test_what_the_losing_author_did_counts_for_nothing(
        self, store: Store, scope: Scope, backwards: bool
    ) -> None:
        winner, loser = scope.users(2)
        post, story = scope.content(), scope.content()
        batches = [
            Effects(
                create_posts=[scope.post(post, author, event_id)],
                edit_posts=[scope.edit(post, author, Stamp(MS_2024, event_id), f"by {author}")],
                delete_posts=[DeletePost(post, author)] if author == loser else [],
                create_stories=[scope.story(story, author, event_id)],
                delete_stories=[DeleteStory(story, author)] if author == loser else [],
                highlights=[scope.highlight(story, author, Stamp(MS_2024, event_id))],
            )
            for author, event_id in ((winner, 3), (loser, 4))
        ]
        for effects in reversed(batches) if backwards else batches:
            store.apply(effects)
        row = store.posts([post])[post]
        assert (row.author_id, row.text, row.deleted) == (winner, f"by {winner}", False)
        found = store.stories([story])[story]
        assert (found.author_id, found.highlight, found.deleted) == (winner, "title of 3", False)

    @all_stamps
    def test_the_last_highlight_stands_in_every_order(
        self, store: Store, scope: Scope, stamps: tuple[Stamp, ...]
    ) -> None:
        author = scope.user()
        for order in permutations(stamps):
            story = scope.content()
            changes = [scope.highlight(story, author, stamp) for stamp in order]
            apply_each(store, "highlights", changes)
            apply_each(store, "create_stories", [scope.story(story, author, 1)])
            last = max(changes, key=lambda change: change.stamp)
            expected = None if last.stamp.ended else last.title
            assert store.stories([story])[story].highlight == expected
            assert story in store.highlights(author)

    @orders
    def test_a_deleted_story_stays_deleted(
        self, store: Store, scope: Scope, backwards: bool
    ) -> None:
        author, story = scope.user(), scope.content()
        batches = [
            Effects(create_stories=[scope.story(story, author, 1)]),
            Effects(delete_stories=[DeleteStory(story, author)]),
        ]
        for effects in reversed(batches) if backwards else batches:
            store.apply(effects)
        assert store.stories([story])[story].deleted

    @pytest.mark.parametrize("late_by", [-DAY_MS, 0, 1])
    def test_stories_are_found_by_when_they_were_made(
        self, store: Store, scope: Scope, clock: Clock, late_by: int
    ) -> None:
        """Whether the question is about now or about the past."""
        one, two, stranger = scope.users(3)
        march = 1_709_251_200_000  # 2024-03-01: a day's stories lie in two months
        times = [march + offset for offset in (-DAY_MS, -1, 0, 1, 3_600_000)]
        ids = sorted(scope.content(at) for at in times)
        clock.now = march
        store.apply(
            Effects(
                create_stories=[
                    scope.story(story, author, 1, expires_at=at + DAY_MS)
                    for story, at in zip(ids, times, strict=True)
                    for author in (one, two)
                ]
            )
        )
        now = march + late_by
        found = store.author_stories([one, two, stranger], times[1], times[3], now)
        assert list(found[one]) == ids[1:4]
        assert list(found[two]) == ids[1:4]
        assert list(found.get(stranger, ())) == []
        everything = store.author_stories([one], times[0], times[-1], now)
        assert list(everything[one]) == ids
        assert list(store.author_stories([one], times[3], times[2], now).get(one, ())) == []
        assert list(store.author_stories([one], 0, 0, now).get(one, ())) == []

    def test_a_question_about_the_past_finds_what_has_expired(
        self, store: Store, scope: Scope, clock: Clock
    ) -> None:
        author, story = scope.user(), scope.content()
        clock.now = MS_2024 + 100 * DAY_MS
        store.apply(Effects(create_stories=[scope.story(story, author, 1)]))
        found = store.author_stories([author], MS_2024 - DAY_MS, MS_2024, MS_2024)
        assert list(found[author]) == [story]

    def test_highlights_are_listed_oldest_first(self, store: Store, scope: Scope) -> None:
        author = scope.user()
        stories = [scope.content(MS_2024 + day * 40 * DAY_MS) for day in range(4)]
        changes = [scope.highlight(story, author, Stamp(MS_2024, 1)) for story in stories]
        store.apply(Effects(highlights=changes[::-1]))
        assert list(store.highlights(author)) == stories
