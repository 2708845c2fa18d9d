"""Good lines that a bad one keeps from being applied are counted, and no others."""

import pytest

from streams.app.accounts.apply_lines import ApplyOutcome
from tests.unit.accounts.test_account_changes import applied, moved


def test_nothing_is_held_without_a_bad_line() -> None:
    outcome, _ = applied(moved(1), moved(2))
    assert (outcome.held, outcome.skipped, outcome.refused) == (0, 0, [])
    assert (ApplyOutcome().held, ApplyOutcome().skipped, ApplyOutcome().changed) == (0, 0, 0)


@pytest.mark.parametrize(("good", "bad"), [(0, 1), (3, 1), (3, 2)])
def test_good_lines_of_a_batch_with_bad_ones_are_held(good: int, bad: int) -> None:
    outcome, _ = applied(*(moved(user) for user in range(1, good + 1)), *["{}"] * bad)
    assert (outcome.held, len(outcome.refused)) == (good, bad)
