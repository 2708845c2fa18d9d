"""How authors' posts reach readers: the last decision stands, and the newest pulled post."""

from itertools import permutations

from streams.contracts.events import Tier
from streams.contracts.ids import MAX_ID
from streams.views.effects import Effects, PullPost, Relation, SetTier, Stamp
from streams.views.rows import TierRow
from tests.contract.store_cases import StoreCases, apply_each
from tests.contract.store_events import MS_2024, Scope, Store


class TierCases(StoreCases):
    """Subclassed once per store; ids are of the test's own range, so stores may be shared."""

    def test_the_last_decision_stands_in_every_order(self, store: Store, scope: Scope) -> None:
        stamps = (Stamp(MS_2024, 1), Stamp(MS_2024, MAX_ID), Stamp(MS_2024 + 1, 0))
        tiers = (Tier.CELEBRITY, Tier.POPULAR, Tier.REGULAR)
        for order in permutations(zip(stamps, tiers, strict=True)):
            author = scope.user()
            apply_each(store, "tiers", [SetTier(author, *decision) for decision in order])
            assert store.tiers([author]) == {author: TierRow(Tier.REGULAR, stamps[-1])}

    def test_nothing_was_decided_of_others(self, store: Store, scope: Scope) -> None:
        ann, bob, eve = scope.users(3)
        stamp = Stamp(MS_2024, 1)
        store.apply(Effects(tiers=[SetTier(ann, stamp, Tier.POPULAR)], pulls=[PullPost(bob, 5)]))
        assert store.tiers([ann, bob, eve]) == {ann: TierRow(Tier.POPULAR, stamp)}
        assert store.tiers([]) == {}

    def test_the_newest_pulled_post_stands_in_every_order(self, store: Store, scope: Scope) -> None:
        posts = sorted(scope.content() for _ in range(3))
        for order in permutations(posts):
            author = scope.user()
            apply_each(store, "pulls", [PullPost(author, post) for post in order])
            assert store.pulled_authors()[author] == posts[-1]
        pushed = scope.content()
        assert store.pulled_posts([*posts, pushed]) == set(posts)
        assert store.pulled_posts([]) == set()

    def test_who_was_only_decided_of_has_nothing_pulled(self, store: Store, scope: Scope) -> None:
        author = scope.user()
        store.apply(Effects(tiers=[SetTier(author, Stamp(MS_2024, 1), Tier.CELEBRITY)]))
        assert author not in store.pulled_authors()

    def test_followers_are_counted_up_to_what_matters(self, store: Store, scope: Scope) -> None:
        author, *readers = scope.users(8)
        store.apply(
            Effects(
                relations=[
                    scope.relation(Relation.FOLLOW, reader, author, Stamp(MS_2024, 1, n == 0))
                    for n, reader in enumerate(readers)
                ]
            )
        )
        assert [store.follower_count(author, most) for most in (0, 3, 6, 100)] == [0, 3, 6, 6]
        assert store.follower_count(readers[0], 100) == 0
