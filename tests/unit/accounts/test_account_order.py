"""Which changes of accounts still change something, by what the database knows."""

from datetime import UTC, datetime

import pytest

from streams.accounts.changes import AccountChange, AccountDeleted, Moved, SignedUp
from streams.accounts.store import _check_order, _filtered

AT = 1_767_225_600_000
SEEN = datetime.fromtimestamp(AT / 1000, UTC)
ANN, BOB = 7, 8


def moved(at: int, user: int = ANN) -> Moved:
    return Moved(user_id=user, at=at, country="IS")


def signed_up(at: int, user: int = ANN) -> SignedUp:
    return SignedUp(
        user_id=user,
        at=at,
        handle="ann",
        display_name="Ann",
        email="ann@example.org",
        password_hash="none",  # noqa: S106
        country="SE",
    )


def deleted(at: int, user: int = ANN) -> AccountDeleted:
    return AccountDeleted(user_id=user, at=at)


def kept(*changes: AccountChange, exists: bool = True) -> list[int]:
    """The times of the changes that are kept, where ANN's last known change was at AT."""
    return [change.at - AT for change in _filtered(changes, {ANN: (exists, SEEN)})]


def test_change_of_a_time_that_is_known_already_is_left_out() -> None:
    assert kept(moved(AT - 1), moved(AT), moved(AT + 1), moved(AT + 2)) == [1, 2]


def test_change_of_an_account_that_does_not_exist_is_left_out() -> None:
    assert kept(moved(AT + 1), exists=False) == []
    assert [change.user_id for change in _filtered([moved(AT, BOB)], {ANN: (True, SEEN)})] == []


def test_only_an_absent_account_signs_up_and_only_a_present_one_ends() -> None:
    assert kept(signed_up(AT + 1)) == []
    assert kept(signed_up(AT + 1), exists=False) == [1]
    assert kept(deleted(AT + 1), deleted(AT + 2)) == [1]
    assert kept(deleted(AT + 1), moved(AT + 2), signed_up(AT + 3), moved(AT + 4)) == [1, 3, 4]


def test_unknown_account_signs_up_at_any_time() -> None:
    assert list(_filtered([signed_up(5, BOB), moved(6, BOB)], {})) == [
        signed_up(5, BOB),
        moved(6, BOB),
    ]


def test_changes_of_one_account_must_rise_in_time() -> None:
    _check_order([moved(1), moved(1, BOB), moved(2), moved(2, BOB)])
    for later in (1, 0):
        with pytest.raises(ValueError, match=f"account {ANN}"):
            _check_order([moved(1), moved(later)])
