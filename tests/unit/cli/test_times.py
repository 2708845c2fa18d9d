"""Instants: every form of RFC 3339, nothing else, and the same value wherever one is given."""

from datetime import UTC, datetime, timedelta

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from streams.accounts.json_codec import from_json as change_from_json
from streams.cli.read.options import parse_instant, parse_start
from streams.contracts.events import Event
from streams.contracts.json_codec import JsonFormError
from streams.contracts.json_codec import from_json as event_from_json
from streams.contracts.times import FIRST_MS, LAST_MS, format_time, parse_time

NOON = 1_714_564_800_000  # 2024-05-01T12:00:00Z
LEAP = 662_688_000_000  # 1991-01-01T00:00:00Z, the second after 1990-12-31T23:59:60Z

ALLOWED = [
    # The examples of RFC 3339, section 5.8.
    ("1985-04-12T23:20:50.52Z", 482_196_050_520),
    ("1996-12-19T16:39:57-08:00", 851_042_397_000),
    ("1990-12-31T23:59:60Z", LEAP),
    ("1990-12-31T15:59:60-08:00", LEAP),
    ("1937-01-01T12:00:27.87+00:20", -1_041_337_172_130),
    # The notes of section 5.6: either case, and a space instead of the T.
    ("2024-05-01t12:00:00z", NOON),
    ("2024-05-01T12:00:00z", NOON),
    ("2024-05-01t12:00:00Z", NOON),
    ("2024-05-01 12:00:00Z", NOON),
    ("2024-05-01 14:00:00+02:00", NOON),
    # Fractions of any length; what is finer than a millisecond is cut off, never rounded up.
    ("2024-05-01T12:00:00.1Z", NOON + 100),
    ("2024-05-01T12:00:00.12Z", NOON + 120),
    ("2024-05-01T12:00:00.1239Z", NOON + 123),
    ("2024-05-01T12:00:00.123456789Z", NOON + 123),
    ("2024-05-01T11:59:59.99999999999999999999Z", NOON - 1),
    (f"2024-05-01T12:00:00.{'0' * 5000}1Z", NOON),
    ("1969-12-31T23:59:59.9999Z", -1),
    ("2016-12-31T23:59:60.25Z", 1_483_228_800_250),
    ("2017-01-01T08:59:60+09:00", 1_483_228_800_000),
    # Offsets: unknown local time, and the widest.
    ("2024-05-01T12:00:00-00:00", NOON),
    ("2024-05-01T12:00:00+00:00", NOON),
    ("2024-05-02T11:59:00+23:59", NOON),
    ("2024-04-30T12:01:00-23:59", NOON),
    # Days and years.
    ("2024-02-29T00:00:00Z", 1_709_164_800_000),
    ("0001-01-01T00:00:00Z", FIRST_MS),
    ("0001-01-01T23:59:00+23:59", FIRST_MS),
    ("9999-12-31T23:59:59.999999Z", LAST_MS),
    ("9999-12-31T00:00:59.999-23:59", LAST_MS),
]
REFUSED = [
    ("2024-05-01T24:00:00Z", "form"),
    ("2024-05-01T12:60:00Z", "form"),
    ("2024-05-01T12:00:61Z", "form"),
    ("2024-05-01T12:00:60Z", "second 60 exists only at the end of a month"),
    ("2024-05-01T23:59:60Z", "second 60"),
    ("2024-06-30T23:59:60+01:00", "second 60"),
    ("9999-12-31T23:59:60Z", "years 1 to 9999"),
    ("2024-05-01T12:00:00", "offset from UTC is missing"),
    ("2024-05-01T12:00:00.5", "offset from UTC is missing"),
    ("2024-05-01T12:00:00+24:00", "form"),
    ("2024-05-01T12:00:00+02:60", "form"),
    ("2024-05-01T12:00:00+0200", "form"),
    ("2024-05-01T12:00:00+02", "form"),
    ("2024-05-01T12:00:00+02:00:30", "form"),
    ("2024-05-01T12:00:00 Z", "form"),
    ("2024-05-01T12:00:00.Z", "form"),
    ("2024-05-01T12:00:00,5Z", "form"),
    ("2024-05-01T12:00Z", "form"),
    ("2024-05-01Z", "form"),
    ("2024-05-01", "form"),
    ("20240501T120000Z", "form"),
    ("2024-W18-3T12:00:00Z", "form"),
    ("2024-122T12:00:00Z", "form"),
    ("24-05-01T12:00:00Z", "form"),
    ("+2024-05-01T12:00:00Z", "form"),
    ("12024-05-01T12:00:00Z", "form"),
    ("2024-05-01T12:00:00Z\n", "form"),
    (" 2024-05-01T12:00:00Z", "form"),
    ("٢٠٢٤-05-01T12:00:00Z", "form"),
    ("2024-05-01T12:00:00.٥Z", "form"),
    ("", "form"),
    ("soon", "form"),
    ("2023-02-29T00:00:00Z", "no such day"),
    ("2024-00-01T00:00:00Z", "no such day"),
    ("2024-13-01T00:00:00Z", "no such day"),
    ("2024-04-31T00:00:00Z", "no such day"),
    ("0000-12-31T23:59:59Z", "years 1 to 9999"),
    ("0001-01-01T00:00:00+00:01", "years 1 to 9999"),
    ("9999-12-31T23:59:59-00:01", "years 1 to 9999"),
]


def event_at(value: object) -> Event:
    return event_from_json(
        {
            "type": "UserFollowed",
            "event_id": "1",
            "occurred_at": value,
            "follower_id": "1",
            "followee_id": "2",
        }
    )


@pytest.mark.parametrize(("text", "at_ms"), ALLOWED)
def test_every_form_of_rfc_3339_is_read_alike_in_events_and_options(text: str, at_ms: int) -> None:
    assert parse_time(text) == at_ms
    assert event_at(text).occurred_at == at_ms
    assert parse_instant(text) == parse_start(text) == at_ms


@pytest.mark.parametrize("text", [text for text, at_ms in ALLOWED if at_ms >= 0])
def test_account_changes_read_the_same_forms(text: str) -> None:
    change = change_from_json({"type": "Moved", "user_id": "1", "country": "IS", "at": text})
    assert change.at == parse_time(text)


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_other_text_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_time(text)
    with pytest.raises(JsonFormError, match=reason):
        event_at(text)
    with pytest.raises(typer.BadParameter, match=reason):
        parse_instant(text)


@pytest.mark.parametrize("at_ms", [FIRST_MS, -1, 0, NOON, LAST_MS])
def test_an_option_takes_milliseconds(at_ms: int) -> None:
    assert parse_instant(str(at_ms)) == at_ms


@pytest.mark.parametrize("text", [str(FIRST_MS - 1), str(LAST_MS + 1), "now-999999d"])
def test_an_option_refuses_years_that_no_event_may_have(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="years 1 to 9999"):
        parse_start(text)


@given(st.integers(FIRST_MS, LAST_MS))
def test_a_time_that_is_shown_is_read_as_itself(at_ms: int) -> None:
    shown = format_time(at_ms)
    assert isinstance(shown, str)
    assert parse_time(shown) == at_ms


@given(
    at_ms=st.integers(FIRST_MS, LAST_MS),
    separator=st.sampled_from("Tt "),
    finer=st.text("0123456789", max_size=12),
    offset=st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
def test_any_offset_and_precision_name_the_same_instant(
    at_ms: int, separator: str, finer: str, offset: int
) -> None:
    """The text is written by hand, from datetime's fields: no shared code with the parser."""
    try:
        utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
        local = utc + timedelta(minutes=offset)
    except OverflowError:
        return  # no year of four digits there
    hours, minutes = divmod(abs(offset), 60)
    text = (
        f"{local.year:04}-{local.month:02}-{local.day:02}{separator}"
        f"{local.hour:02}:{local.minute:02}:{local.second:02}"
        f".{local.microsecond // 1000:03}{finer}{'-' if offset < 0 else '+'}{hours:02}:{minutes:02}"
    )
    assert parse_time(text) == at_ms
