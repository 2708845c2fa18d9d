"""Who follows, blocks, mutes and likes: the last stamp of a pair stands."""

from itertools import permutations

import pytest

from streams.views.effects import Effects, Relation, Stamp
from streams.views.rows import Relations
from tests.contract.store_cases import StoreCases, all_stamps, apply_each
from tests.contract.store_events import MS_2024, Scope, Store


class PairCases(StoreCases):
    """Subclassed once per store; ids are of the test's own range, so stores may be shared."""

    @all_stamps
    @pytest.mark.parametrize("relation", list(Relation))
    def test_the_last_stamp_of_a_pair_stands_in_every_order(
        self, store: Store, scope: Scope, relation: Relation, stamps: tuple[Stamp, ...]
    ) -> None:
        for order in permutations(stamps):
            user, target = scope.users(2)
            changes = [scope.relation(relation, user, target, stamp) for stamp in order]
            apply_each(store, "relations", changes)
            holds = max(changes, key=lambda change: change.stamp).holds
            self._assert_relation(store, relation, user, target, holds)

    def _assert_relation(
        self, store: Store, relation: Relation, user: int, target: int, holds: bool
    ) -> None:
        of_user, of_target = store.relations(user), store.relations(target)
        others, users = ({target}, {user}) if holds else (set(), set())
        match relation:
            case Relation.FOLLOW:
                assert of_user.following == others
                assert of_target.following == set()
                assert set(store.following(user, 0, 10)) == others
                assert set(store.followers(target, 0, 10)) == users
                assert store.follow_counts(user) == (0, len(others))
                assert store.follow_counts(target) == (len(users), 0)
            case Relation.BLOCK:
                assert of_user.blocked == others
                assert of_target.blocked == users
            case Relation.MUTE:
                assert of_user.muted == others
                assert of_target.muted == set()

    @all_stamps
    def test_the_last_stamp_of_a_pair_stands_within_one_batch(
        self, store: Store, scope: Scope, stamps: tuple[Stamp, ...]
    ) -> None:
        for order in permutations(stamps):
            content, user = scope.content(), scope.user()
            store.apply(Effects(likes=[scope.like(content, user, stamp) for stamp in order]))
            assert store.likers(content) == (set() if max(stamps).ended else {user})

    @all_stamps
    def test_the_last_like_stands_in_every_order(
        self, store: Store, scope: Scope, stamps: tuple[Stamp, ...]
    ) -> None:
        for order in permutations(stamps):
            content, user = scope.content(), scope.user()
            apply_each(store, "likes", [scope.like(content, user, stamp) for stamp in order])
            assert store.likers(content) == (set() if max(stamps).ended else {user})

    def test_relations_of_one_user_do_not_touch_anothers(self, store: Store, scope: Scope) -> None:
        one, two, three = scope.users(3)
        at = Stamp(MS_2024, 1)
        ended = Stamp(MS_2024, 1, ended=True)
        store.apply(
            Effects(
                relations=[
                    scope.relation(Relation.FOLLOW, one, two, at),
                    scope.relation(Relation.FOLLOW, two, three, at),
                    scope.relation(Relation.BLOCK, three, one, ended),
                    scope.relation(Relation.MUTE, one, three, ended),
                ]
            )
        )
        nobody: frozenset[int] = frozenset()
        assert store.relations(one) == Relations(*map(frozenset, ({two}, {three}, {three})))
        assert store.relations(two) == Relations(frozenset({three}), nobody, nobody)
        assert store.relations(three) == Relations(nobody, frozenset({one}), nobody)

    def test_follows_are_paged_by_id_without_those_that_ended(
        self, store: Store, scope: Scope
    ) -> None:
        user, *others = scope.users(26)
        at, ended = Stamp(MS_2024, 1), Stamp(MS_2024, 2, ended=True)
        gone = set(others[::3])
        for name, pairs in (
            ("following", [(user, other) for other in others]),
            ("followers", [(other, user) for other in others]),
        ):
            store.apply(
                Effects(relations=[scope.relation(Relation.FOLLOW, *pair, at) for pair in pairs])
            )
            store.apply(
                Effects(
                    relations=[
                        scope.relation(Relation.FOLLOW, *pair, ended)
                        for pair in pairs
                        if set(pair) & gone
                    ]
                )
            )
            ask = getattr(store, name)
            walked: list[int] = []
            while page := ask(user, walked[-1] if walked else 0, 4):
                assert len(page) <= 4
                walked += page
            assert walked == [other for other in others if other not in gone]
            assert list(ask(user, others[-1], 4)) == []
            assert list(ask(user, 0, 0)) == []
        kept = len(others) - len(gone)
        assert store.follow_counts(user) == (kept, kept)
