"""Account changes as JSON lines: what is a change, what is refused, and what then becomes of it."""

import io
from collections.abc import Sequence

import orjson
import pytest

from streams.accounts.changes import (
    AccountChange,
    AccountDeleted,
    AudienceCounted,
    AudienceTier,
    Moved,
    Renamed,
    SignedUp,
)
from streams.accounts.json_codec import ChangeFormError, from_json, to_json
from streams.accounts.store import AccountRefusedError
from streams.app.accounts.apply_lines import BATCH, ApplyOutcome, RefusedLine, apply_lines
from streams.app.events.json_lines import MAX_LINE, lines_of

NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z
MOVED = {"type": "Moved", "user_id": "42", "at": "2026-01-01T00:00:00Z", "country": "IS"}


def test_ids_are_strings_and_times_rfc_3339() -> None:
    change = AudienceCounted(
        user_id=(1 << 63) - 1, at=NOW, follower_count=7, audience_tier=AudienceTier.POPULAR
    )
    assert orjson.dumps(to_json(change)) == (
        b'{"type":"AudienceCounted","user_id":"9223372036854775807",'
        b'"at":"2026-01-01T00:00:00.000Z","follower_count":7,"audience_tier":"popular"}'
    )


def test_numbers_are_taken_too_and_what_has_a_default_may_be_left_out() -> None:
    form = {
        "type": "SignedUp", "user_id": 42, "at": NOW, "handle": "ada", "display_name": "Ada",
        "email": "ada@example.com", "password_hash": "x", "country": "IS",
    }  # fmt: skip
    change = from_json(form)
    assert isinstance(change, SignedUp)
    assert to_json(change) == to_json(from_json(to_json(change)))
    assert (change.user_id, change.at, change.handle, change.is_private) == (42, NOW, "ada", False)
    del form["at"]
    assert from_json(form, now=NOW).at == NOW


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ([], "an object is expected, got an array"),
        ({}, "type: one of SignedUp, Renamed"),
        (MOVED | {"type": "Left"}, "got 'Left'"),
        (MOVED | {"type": ["Moved"]}, "got an array"),
        (MOVED | {"city": "x"}, "city: Moved has no such field; it has user_id, at, country"),
        (MOVED | {"user_id": "0"}, "user_id: an id"),
        (MOVED | {"user_id": -1}, "user_id: an id"),
        (MOVED | {"user_id": True}, "user_id: an id"),
        (MOVED | {"user_id": "9223372036854775808"}, "user_id: an id"),
        (MOVED | {"user_id": "٤٢"}, "user_id: an id"),
        (MOVED | {"at": "yesterday"}, "at: a time"),
        (MOVED | {"at": "2026-01-01T00:00:00"}, "the offset from UTC is missing"),
        (MOVED | {"at": -1}, "at: a time"),
        (MOVED | {"at": 1 << 60}, "at: a time"),
        (MOVED | {"at": True}, "at: a time"),
        (MOVED | {"at": 1.5}, "at: a time"),
        (MOVED | {"user_id": 1.5}, "user_id: an id"),
        (MOVED | {"country": 1}, "country: a string is expected, got 1"),
        (MOVED | {"country": "\ud800"}, "half of a surrogate pair"),
        (MOVED | {"country": "I\0"}, "a zero byte"),
        (MOVED | {"country": None}, "country: a string is expected, got nothing"),
        ({"type": "Moved", "user_id": "1", "at": NOW}, "country is missing: a string is expected"),
        ({"type": "Moved", "user_id": "1", "country": "IS"}, "at is missing"),
        (
            {"type": "PrivacySet", "user_id": "1", "at": NOW, "is_private": 1},
            "is_private: true or false is expected, got 1",
        ),
        (
            {"type": "AudienceCounted", "user_id": "1", "at": NOW, "follower_count": -1},
            "follower_count: a whole number, 0 or more is expected, got -1",
        ),
        (
            {"type": "AudienceCounted", "user_id": "1", "at": NOW, "follower_count": True},
            "follower_count: a whole number, 0 or more is expected, got true",
        ),
        (
            {"type": "AudienceCounted", "user_id": "1", "at": NOW, "follower_count": 1.5},
            "follower_count: a whole number, 0 or more is expected, got 1.5",
        ),
        (
            {"type": "AudienceCounted", "user_id": "1", "at": NOW, "audience_tier": "huge"},
            "audience_tier: one of regular, popular, celebrity is expected, got 'huge'",
        ),
    ],
)
def test_what_is_no_change_is_told_with_its_field(form: object, reason: str) -> None:
    with pytest.raises(ChangeFormError) as refused:
        from_json(form)
    assert reason in str(refused.value)


class Taker:
    """Takes batches; refuses any with a move to where nobody can."""

    def __init__(self) -> None:
        self.batches: list[list[AccountChange]] = []

    def __call__(self, changes: Sequence[AccountChange], /) -> tuple[int, int]:
        for change in changes:
            if isinstance(change, Moved) and change.country == "XX":
                raise AccountRefusedError(change, "nobody lives there")
        self.batches.append(list(changes))
        return len(changes), 0


def applied(*lines: str | bytes) -> tuple[ApplyOutcome, Taker]:
    raw = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines)
    taker = Taker()
    return apply_lines(lines_of(io.BytesIO(raw)), taker, clock=lambda: NOW), taker


def moved(user: int, at: int | None = None, country: str = "IS") -> str:
    form = {"type": "Moved", "user_id": str(user), "country": country}
    return orjson.dumps(form | ({} if at is None else {"at": at})).decode()


def test_lines_without_a_time_happen_now_one_after_the_other() -> None:
    _, taker = applied(
        moved(1), moved(1, country="NO"), "", '{"type":"AccountDeleted","user_id":1}'
    )
    assert taker.batches == [
        [
            Moved(user_id=1, at=NOW, country="IS"),
            Moved(user_id=1, at=NOW + 1, country="NO"),
            AccountDeleted(user_id=1, at=NOW + 2),
        ]
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{", "not JSON"),
        ('{"type":"Left"}', "type: one of"),
        (moved(1, NOW), "at: it must be later than in line 1, which changes the same account"),
        (moved(9, NOW, "XX"), "nobody lives there"),
        (b'{"type":"\xff"}', "not JSON"),
        (b" " * (MAX_LINE + 2), "longer than"),
    ],
)
def test_a_bad_line_keeps_its_batch_from_being_applied(bad: str | bytes, reason: str) -> None:
    outcome, taker = applied(moved(1, NOW), moved(2, NOW), bad, moved(3, NOW))
    assert not taker.batches
    (refusal,) = outcome.refused
    assert refusal.line == 3
    assert reason in refusal.message
    assert (outcome.changed, outcome.held, outcome.types.total()) == (0, 3, 0)


def test_batches_before_a_bad_line_are_applied_and_nothing_after_it() -> None:
    lines = [moved(user, NOW) for user in range(1, 3 * BATCH)]
    lines[BATCH + 7] = moved(1, NOW, "XX")
    outcome, taker = applied(*lines)
    assert [len(batch) for batch in taker.batches] == [BATCH]
    assert [refusal.line for refusal in outcome.refused] == [BATCH + 8]
    assert (outcome.changed, outcome.held) == (BATCH, BATCH - 1)
    assert outcome.types == {"Moved": BATCH}


def test_every_bad_line_of_a_batch_is_named() -> None:
    outcome, _ = applied("{", moved(1), "[]", '{"type":"Moved","user_id":"1"}')
    assert [refusal.line for refusal in outcome.refused] == [1, 3, 4]
    assert isinstance(outcome.refused[0], RefusedLine)
    assert outcome.held == 1


def test_a_rename_needs_both_names() -> None:
    form = {"type": "Renamed", "user_id": "1", "at": NOW, "handle": "ada", "display_name": "Ada"}
    assert from_json(form) == Renamed(user_id=1, at=NOW, handle="ada", display_name="Ada")
    for name in ("handle", "display_name"):
        with pytest.raises(ChangeFormError, match=f"{name} is missing"):
            from_json({key: value for key, value in form.items() if key != name})
