"""Any piece of input becomes events or a counted reason, and loading is repeatable."""

import copy
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from streams.importers.edges import EdgeReader
from streams.importers.html_text import plain_text
from streams.importers.import_run import events_of_lines
from streams.importers.input_lines import InputLine
from streams.importers.jetstream import BLOCK, FOLLOW, LIKE, POST, REPOST
from streams.importers.outbox_files import items_of
from streams.importers.report import ImportReport
from tests.support.imported import (
    ADA,
    BO,
    CY,
    NOW_MS,
    SAMPLES,
    as_dicts,
    assert_folds_alike,
    assert_valid_and_unique,
    jetstream,
    line,
    outbox,
    sample_lines,
    tid,
)

NOON_US = 1_740_830_400_000_000
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["create", "Create", "did:plc:x", "https://x.example/users/a", POST, tid(1)]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)
LINES = [
    orjson.loads(raw) for raw in sample_lines() if raw.startswith(b"{") and raw.endswith(b"}\n")
]
ENTRIES = [
    item.value for name in ("outbox.json", "pier.json")
    for item in items_of(SAMPLES / "archive" / name)
]  # fmt: skip


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) in a JSON value."""
    if isinstance(value, dict):
        inner = [place for member in value.values() for place in places(member)]
        return [(value, key) for key in value] + inner
    if isinstance(value, list):
        inner = [place for member in value for place in places(member)]
        return [(value, index) for index in range(len(value))] + inner
    return []


@st.composite
def damaged(draw: st.DrawFn, values: list[Any]) -> Any:
    """Return one of the values with up to three members replaced or removed."""
    value = copy.deepcopy(draw(st.sampled_from(values)))
    for _ in range(draw(st.integers(1, 3))):
        found = places(value)
        if not found:
            break
        container, key = draw(st.sampled_from(found))
        if isinstance(container, dict) and draw(st.booleans()):
            del container[key]
        else:
            container[key] = draw(VALUES)
    return value


@given(
    raws=st.lists(
        st.one_of(st.binary(), VALUES.map(orjson.dumps), damaged(LINES).map(orjson.dumps))
    )
)
def test_every_line_of_jetstream_is_an_event_or_has_a_reason(raws: list[bytes]) -> None:
    report = ImportReport()
    events = jetstream(raws, report=report)
    assert report.items == len(raws) == len(events) + report.skipped.total()
    assert_valid_and_unique(events)
    assert jetstream(raws) == events


@given(values=st.lists(VALUES | damaged(ENTRIES)))
def test_every_entry_of_an_outbox_is_an_event_or_has_a_reason(values: list[Any]) -> None:
    report = ImportReport()
    events = outbox(values, report=report)
    assert report.items == len(values) == len(events) + report.skipped.total()
    assert outbox(values) == events
    assert_valid_and_unique(events)


@given(
    raws=st.lists(
        st.binary() | st.from_regex(rb"[0-9]{1,21}[ \t,;]+-?[0-9]{1,21}.*\n?", fullmatch=True)
    ),
    offset=st.integers(-5, 5),
)
def test_every_line_of_an_edge_list_is_an_event_or_has_a_reason(
    raws: list[bytes], offset: int
) -> None:
    report = ImportReport()
    lines = (InputLine(number, raw) for number, raw in enumerate(raws, start=1))
    reader = EdgeReader(1_262_304_000_000, offset)
    events = list(
        events_of_lines(lines, reader.read, report, None, name="e", now_ms=lambda: NOW_MS)
    )
    assert report.items == len(raws) == len(events) + report.skipped.total()
    assert_valid_and_unique(events)


@given(html=st.text() | st.text(alphabet="<>/!-[]&;#pbr \n"))
def test_any_html_is_read_or_refused(html: str) -> None:
    try:
        text = plain_text(html)
    except AssertionError:  # of html.parser; the importer counts it
        return
    assert text == text.strip(" \n")


KEYS = [tid(NOON_US + n * 1000) for n in range(3)] + ["self"]
POSTS = [f"at://{did}/{POST}/{key}" for did in (ADA, BO) for key in KEYS]


@st.composite
def histories(draw: st.DrawFn) -> list[bytes]:
    """Return lines of few people about few posts, in the order of time."""
    lines = []
    for number in range(draw(st.integers(1, 25))):
        did = draw(st.sampled_from([ADA, BO, CY]))
        collection = draw(st.sampled_from([POST, LIKE, REPOST, FOLLOW, BLOCK]))
        record: dict[str, Any]
        if collection in (FOLLOW, BLOCK):
            record = {"subject": draw(st.sampled_from([ADA, BO, CY]))}
        elif collection == POST:
            record = {"text": f"line {number}", "tags": ["t"]}
        else:
            record = {"subject": {"uri": draw(st.sampled_from(POSTS))}}
        key = draw(st.sampled_from(KEYS))
        operation = draw(st.sampled_from(["create", "create", "delete", "update"]))
        # Steps of less than a millisecond make equal times meet.
        time_us = NOON_US + 10_000_000 + number * 400
        lines.append(
            line(did, collection, key, record if operation != "delete" else None,
                 operation=operation, time_us=time_us)
        )  # fmt: skip
    return lines


@given(lines=histories(), data=st.data())
def test_a_history_folds_alike_once_twice_and_shuffled(
    lines: list[bytes], data: st.DataObject
) -> None:
    events = as_dicts(jetstream(lines))
    order = data.draw(st.permutations([*events, *events]))
    assert_folds_alike(events, [events + events, order])
