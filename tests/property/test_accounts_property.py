"""Account changes of any network are right where they stand, and survive being written down."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.accounts.changes import AccountChange, AccountType, AudienceTier, SignedUp
from streams.accounts.json_codec import CHANGE_TYPES, from_json, to_json
from streams.generate.accounts import accounts_of
from streams.generate.duplicates import with_duplicates
from streams.generate.network import Network
from streams.generate.world import Plan
from tests.support.account_rows import Rows
from tests.support.profiles import scaled

START = 1_735_689_600_000
DAY_MS = 86_400_000

PLANS = st.builds(
    Plan,
    users=st.integers(1, 150),
    events=st.integers(1, 1500),
    seed=st.integers(-(1 << 70), 1 << 70),
    start=st.just(START),
    duration=st.sampled_from((1000, DAY_MS, 30 * DAY_MS)),
    oddities=st.sampled_from((0.0, 0.2)),
)
FIELDS = {
    "user_id": st.integers(1, (1 << 63) - 1),
    "at": st.integers(0, 253_402_300_799_999),
    "handle": st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    "is_private": st.booleans(),
    "verified": st.booleans(),
    "account_type": st.sampled_from(AccountType),
    "audience_tier": st.sampled_from(AudienceTier),
    "follower_count": st.integers(0, (1 << 63) - 1),
}
CHANGES = st.sampled_from(sorted(CHANGE_TYPES)).flatmap(
    lambda name: st.builds(
        CHANGE_TYPES[name],
        **{
            field: FIELDS.get(field, FIELDS["handle"])
            for field in CHANGE_TYPES[name].__dataclass_fields__
        },
    )
)


@settings(deadline=None, max_examples=scaled(40))
@given(PLANS, st.sampled_from((0.0, 0.3)))
def test_every_change_is_right_in_its_place(plan: Plan, duplicates: float) -> None:
    accounts, rows = accounts_of(plan), Rows()
    founding = list(accounts.founding())
    assert all(isinstance(one, SignedUp) and one.at < plan.start for one in founding)
    assert 1 in {founder.user_id for founder in founding}
    rows.fold(map(to_json, founding))
    last = founding[-1].at
    for event in with_duplicates(Network(plan), duplicates, 1):
        for change in accounts.before(event):
            assert last <= change.at <= event.occurred_at
            last = change.at
            rows.apply(to_json(change))


@given(CHANGES)
def test_the_json_form_gives_back_the_change(change: AccountChange) -> None:
    assert from_json(to_json(change)) == change
