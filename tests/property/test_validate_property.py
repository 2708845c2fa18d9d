"""The rules over columns give the verdict of the rules over one event."""

import json

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from streams.contracts.catalog import schemas, topics
from streams.contracts.decoder import decode_and_validate
from streams.contracts.events import EVENT_TYPES, Event
from streams.contracts.json_codec import from_json, to_json
from streams.contracts.records import Records
from streams.contracts.rows import events as events_of
from streams.contracts.validation import check_record
from streams.record import Record
from tests.oracle.validity import refusals
from tests.strategies.events import events, record

IDS = {name: number for number, name in enumerate(EVENT_TYPES, start=1)}
TEXTS = {number: json.dumps(schemas()[name]) for name, number in IDS.items()}
RULED = ("social.posts.v1", "social.stories.v1", "social.views.v1", "social.comments.v1")
PUBLIC = tuple(name for name in EVENT_TYPES if name != "DeliveryTask")


@st.composite
def keyed(draw: DrawFn) -> tuple[str, list[tuple[Event, Record]]]:
    """Events of a topic and their records; some keys are not what they should be."""
    topic = draw(st.sampled_from((*topics(), *RULED, *RULED)))
    drawn = draw(st.lists(events(topics()[topic].records), max_size=12))
    keys = st.sampled_from((None, None, None, None, b"", b"1", b"01", b"+1", b"\xff", b"abc"))
    pairs = []
    for offset, event in enumerate(drawn):
        one = record(event, IDS[type(event).__name__], offset, key=draw(keys))
        pairs.append((event, one if draw(st.integers(0, 9)) else one._replace(key=None)))
    return topic, pairs


@given(keyed())
def test_columns_judge_as_the_scalar_rules_do(
    drawn: tuple[str, list[tuple[Event, Record]]],
) -> None:
    topic, pairs = drawn
    batch, rejected = decode_and_validate(Records.of([one for _, one in pairs]), topic, TEXTS.get)
    expected = {
        one.offset: fault
        for event, one in pairs
        if (fault := check_record(event, one.append_time, one.key)) is not None
    }
    assert {reason.record.offset: (reason.code, reason.message) for reason in rejected} == expected
    assert [reason.record.offset for reason in rejected] == sorted(expected)
    kept = {position.offset: event for position, event in events_of(batch)}
    valid = {one.offset: event for event, one in pairs if one.offset not in expected}
    assert kept == valid


@given(events(PUBLIC), st.sampled_from((None, b"1", b"x")))
def test_the_verdict_is_the_oracles(event: Event, key: bytes | None) -> None:
    one = record(event, 1, 0, key=key)
    shown = {name: getattr(event, name) for name in event.__dataclass_fields__}
    codes = refusals(shown | {"type": type(event).__name__}, one.append_time, one.key)
    fault = check_record(event, one.append_time, one.key)
    assert (fault is None and not codes) or (fault is not None and str(fault.code) in codes)


@given(events())
def test_the_json_form_comes_back(event: Event) -> None:
    assert from_json(to_json(event)) == event
