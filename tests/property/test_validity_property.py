"""The product's verdict on an event is the oracle's."""

from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.json_codec import from_json
from streams.contracts.validation import check_record
from tests.oracle.validity import Event, record_key, refusals
from tests.strategies import World, invalid_events, networks

MARGINS = (-300_001, -300_000, -299_999, 0, 86_400_000)


def verdict(event: Event, append_time: int, key: bytes | None) -> str | None:
    """The code that the product gives; None where it applies the event."""
    fault = check_record(from_json(event), append_time, key)
    return None if fault is None else str(fault.code)


@given(data=st.data())
def test_what_the_oracle_folds_is_applied(data: st.DataObject) -> None:
    for event in data.draw(networks(World())):
        assert verdict(event, event["occurred_at"], record_key(event)) is None


@given(data=st.data())
def test_an_event_with_one_fault_earns_its_code(data: st.DataObject) -> None:
    event, code = data.draw(invalid_events(World()))
    assert verdict(event, event["occurred_at"], record_key(event)) == code


@given(
    data=st.data(), margin=st.sampled_from(MARGINS), key=st.none() | st.sampled_from((b"", b"1"))
)
def test_time_and_key_are_judged_alike(data: st.DataObject, margin: int, key: bytes | None) -> None:
    event = data.draw(networks(World()).filter(bool).flatmap(st.sampled_from))
    append_time = event["occurred_at"] + margin
    told = verdict(event, append_time, key)
    # Without a key no record has the right one.
    right = refusals(event, append_time, b"" if key is None else key)
    assert (told in right) if right else (told is None)
