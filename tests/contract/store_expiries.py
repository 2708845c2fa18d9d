"""The index of stories by their end."""

from streams.views.effects import CreateStory, Effects
from streams.views.story_expiry import Due, Expiry
from tests.contract.store_cases import StoreCases
from tests.contract.store_events import DAY_MS, MS_2024, Clock, Scope, Store

HOUR = 3_600_000
LAST = MS_2024 + 400 * DAY_MS


def due(store: Store, stories: list[CreateStory], after: int = -1, until: int = LAST) -> list[Due]:
    """What is due of these stories."""
    ids = {story.story_id for story in stories}
    return [one for one in store.expiries.due(after, until) if one.expiry.story_id in ids]


def ends(stories: list[CreateStory]) -> list[Due]:
    return sorted(
        Due(one.expires_at, Expiry(one.story_id, one.author_id, one.expires_at)) for one in stories
    )


class ExpiryCases(StoreCases):
    """Subclassed once per store; ids are of the test's own range, so stores may be shared."""

    def test_ends_come_in_order_over_many_hours(
        self, store: Store, scope: Scope, clock: Clock
    ) -> None:
        clock.now = MS_2024
        offsets = [1, 1, 1, 2, HOUR - 1, HOUR, HOUR + 1, 5 * HOUR, 23 * HOUR, DAY_MS]
        stories = [
            scope.story(scope.content(), scope.user(), 1, expires_at=MS_2024 + offset)
            for offset in offsets
        ]
        store.apply(Effects(create_stories=stories))
        assert due(store, stories) == ends(stories)

    def test_only_what_is_due_by_then_and_after_what_was_seen(
        self, store: Store, scope: Scope, clock: Clock
    ) -> None:
        clock.now = MS_2024
        stories = [
            scope.story(scope.content(), scope.user(), 1, expires_at=MS_2024 + minute * 60_000)
            for minute in range(1, 130, 10)
        ]
        store.apply(Effects(create_stories=stories))
        everything = ends(stories)
        middle = everything[5].due_at
        assert due(store, stories, until=middle) == everything[:6]
        assert due(store, stories, after=middle) == everything[6:]
        assert due(store, stories, after=middle - 1) == everything[5:]

    def test_what_becomes_known_late_is_due_from_then_on(
        self, store: Store, scope: Scope, clock: Clock
    ) -> None:
        clock.now = MS_2024 + 8 * DAY_MS
        story = scope.story(scope.content(), scope.user(), 1, expires_at=MS_2024 + DAY_MS)
        store.apply(Effects(create_stories=[story]))
        assert due(store, [story]) == [
            Due(clock.now, Expiry(story.story_id, story.author_id, MS_2024 + DAY_MS))
        ]

    def test_what_the_log_told_is_known(self, store: Store, scope: Scope) -> None:
        told = [Expiry(scope.content(), scope.user(), MS_2024 + n) for n in range(3)]
        others = [
            told[0]._replace(expires_at=MS_2024 - 1),
            told[1]._replace(author_id=scope.user()),
            Expiry(scope.content(), scope.user(), MS_2024),
        ]
        for _ in range(2):
            store.apply(Effects(expiries=told))
        assert store.expiries.published([*told, *others]) == set(told)
        assert store.expiries.published([]) == set()

    def test_how_far_was_told_only_rises(self, store: Store) -> None:
        index = store.expiries
        start = index.published_until() or MS_2024
        for instant in (start + 5, start + 3, start + 5, start + 9, start + 1):
            index.set_published_until(instant)
        assert index.published_until() == start + 9
