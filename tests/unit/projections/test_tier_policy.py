"""Who is pushed and who is pulled, and that it does not go back and forth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.app.settings import Settings
from streams.contracts.events import Tier
from streams.contracts.ids import MAX_ID, make_id
from streams.contracts.times import HOUR_MS
from streams.projections.tier_policy import (
    Audience,
    TierLimits,
    posts_per_hour,
    tier_change,
    tier_of,
)

LIMITS = TierLimits(budget=1000, followers=500, popular=0.1, relax=0.5)
REGULAR, POPULAR, CELEBRITY = Tier.REGULAR, Tier.POPULAR, Tier.CELEBRITY
NOW = 1_735_689_600_000


@pytest.mark.parametrize(
    ("followers", "rate", "current", "tier"),
    [
        (499, 2, REGULAR, POPULAR),
        (499, 3, REGULAR, CELEBRITY),  # by cost
        (100, 10, REGULAR, CELEBRITY),
        (500, 1, REGULAR, CELEBRITY),  # by followers
        (49, 1, REGULAR, REGULAR),
        (50, 1, REGULAR, POPULAR),
        (10, 10, REGULAR, POPULAR),
        # To leave takes half of what it takes to enter.
        (250, 1, CELEBRITY, CELEBRITY),
        (249, 1, CELEBRITY, POPULAR),
        (249, 3, CELEBRITY, CELEBRITY),
        (25, 1, POPULAR, POPULAR),
        (24, 1, POPULAR, REGULAR),
        (24, 5, POPULAR, POPULAR),
        (1, 1, CELEBRITY, REGULAR),
        (500, 1, Tier.UNKNOWN, CELEBRITY),
        (49, 1, Tier.UNKNOWN, REGULAR),
    ],
)
def test_the_cost_decides_and_what_stands_resists(
    followers: int, rate: int, current: Tier, tier: Tier
) -> None:
    assert tier_of(Audience(followers, rate), current, LIMITS) is tier


@given(
    audience=st.builds(Audience, st.integers(0, 10**6), st.integers(1, 200)),
    current=st.sampled_from((REGULAR, POPULAR, CELEBRITY)),
    limits=st.builds(
        TierLimits,
        budget=st.integers(1, 10**7),
        followers=st.integers(1, 10**6),
        popular=st.floats(0.01, 1),
        relax=st.floats(0.01, 1),
    ),
)
def test_a_decision_stands_until_the_audience_changes(
    audience: Audience, current: Tier, limits: TierLimits
) -> None:
    once = tier_of(audience, current, limits)
    assert tier_of(audience, once, limits) is once


def test_posts_of_the_hour_before_count() -> None:
    post = make_id(NOW)
    ids = [
        make_id(NOW + 1),
        post,
        make_id(NOW - 1),
        make_id(NOW - HOUR_MS + 1),
        make_id(NOW - HOUR_MS),
    ]
    assert posts_per_hour(ids, post) == 3


def test_a_decision_is_told_by_author_time_and_tiers() -> None:
    post = make_id(NOW)
    change = tier_change(1, post, Audience(600, 2), REGULAR, CELEBRITY)
    again = tier_change(1, post, Audience(601, 3), REGULAR, CELEBRITY)
    assert (change.occurred_at, change.followers, change.posts_per_hour) == (NOW, 600, 2.0)
    assert again.event_id == change.event_id == 3_964_226_862_400_448_758
    others = {
        tier_change(2, post, Audience(600, 2), REGULAR, CELEBRITY).event_id,
        tier_change(1, make_id(NOW + 1), Audience(600, 2), REGULAR, CELEBRITY).event_id,
        tier_change(1, post, Audience(600, 2), REGULAR, POPULAR).event_id,
        tier_change(1, post, Audience(600, 2), POPULAR, CELEBRITY).event_id,
    }
    assert len(others - {change.event_id}) == 4
    assert all(0 < event_id <= MAX_ID for event_id in others)


def test_default_limits_are_those_of_the_settings() -> None:
    settings = Settings()
    assert TierLimits() == (settings.pull_budget, settings.pull_followers, 0.1, 0.5)
