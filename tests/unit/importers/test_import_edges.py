"""Lines of edge lists as follows."""

import pytest

from streams.contracts.events import Event, UserFollowed
from streams.contracts.ids import id_time
from streams.importers.edges import YEAR_MS, EdgeReader
from streams.importers.import_run import events_of_lines
from streams.importers.input_lines import InputLine
from streams.importers.report import ImportReport, Reason
from tests.support.imported import (
    NOW_MS,
    SAMPLES,
    as_dicts,
    assert_folds_alike,
    assert_valid_and_unique,
)

START = 1_262_304_000_000


def load(reader: EdgeReader, lines: list[bytes], report: ImportReport | None = None) -> list[Event]:
    numbered = (InputLine(number, raw) for number, raw in enumerate(lines, start=1))
    return list(
        events_of_lines(
            numbered, reader.read, report or ImportReport(), None, name="e", now_ms=lambda: NOW_MS
        )
    )


def pairs(events: list[Event]) -> list[tuple[int, int]]:
    assert all(isinstance(event, UserFollowed) for event in events)
    return [(e.follower_id, e.followee_id) for e in events if isinstance(e, UserFollowed)]


def sample() -> list[bytes]:
    return (SAMPLES / "edges.txt").read_bytes().splitlines(keepends=True)


def test_sample_gives_follows_and_counts_the_rest() -> None:
    report = ImportReport()
    events = load(EdgeReader(START), sample(), report)
    assert pairs(events) == [(1, 2), (1, 3), (2, 1), (3, 1), (4, 1), (4, 3), (1, 2)]
    assert report.skipped == {
        Reason.COMMENT: 4,
        Reason.BLANK: 1,
        Reason.SELF_FOLLOW: 1,
        Reason.NOT_TWO_NUMBERS: 1,
    }
    assert report.broken == 1
    assert report.items == len(sample()) == len(events) + report.skipped.total()
    assert_valid_and_unique(events)
    assert events[0] == events[-1]


def test_folding_twice_and_in_another_order_changes_nothing() -> None:
    events = as_dicts(load(EdgeReader(START), sample()))
    assert_folds_alike(events, [events + events, events[::-1]])


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        (EdgeReader(START, offset=0), []),
        (EdgeReader(START, offset=10), [(10, 12)]),
        (EdgeReader(START, undirected=True), [(1, 3), (3, 1)]),
        (EdgeReader(START, reverse=True), [(3, 1)]),
    ],
)
def test_options_decide_who_follows_whom(
    reader: EdgeReader, expected: list[tuple[int, int]]
) -> None:
    report = ImportReport()
    assert pairs(load(reader, [b"0 2\n"], report)) == expected
    assert report.skipped == ({} if expected else {Reason.ID_OUT_OF_RANGE: 1})


@pytest.mark.parametrize(
    "separated", [b"5\t6", b" 5  6 \r\n", b"5,6", b"5;6;0.25\n", b"5 6 1341100972"]
)
def test_separators_and_further_columns(separated: bytes) -> None:
    assert pairs(load(EdgeReader(START), [separated])) == [(6, 7)]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"id_1,id_2\n", Reason.NOT_TWO_NUMBERS),
        (b"5\n", Reason.NOT_TWO_NUMBERS),
        (b"5 -6\n", Reason.NOT_TWO_NUMBERS),
        (b"5 6.5\n", Reason.NOT_TWO_NUMBERS),
        (b"\xff\xfe5 6\n", Reason.NOT_TWO_NUMBERS),
        ("٥ ٦\n".encode(), Reason.NOT_TWO_NUMBERS),
        (b"5 9223372036854775807\n", Reason.ID_OUT_OF_RANGE),
        (b"5 " + b"9" * 5000 + b"\n", Reason.ID_OUT_OF_RANGE),
        (b"7 7\n", Reason.SELF_FOLLOW),
        (b"% 1 2\n", Reason.COMMENT),
    ],
)
def test_line_without_event_is_counted_with_its_reason(raw: bytes, reason: Reason) -> None:
    report = ImportReport()
    assert load(EdgeReader(START), [raw], report) == []
    assert report.skipped == {reason: 1}


def test_largest_id_is_loaded() -> None:
    assert pairs(load(EdgeReader(START), [b"5 9223372036854775806"])) == [(6, 9223372036854775807)]


def test_follows_are_spread_over_the_year_and_differ() -> None:
    events = load(EdgeReader(START), [b"%d %d" % (n, n + 1) for n in range(20_000)])
    ids = {event.event_id for event in events}
    assert len(ids) == 20_000
    times = sorted(event.occurred_at for event in events)
    assert START <= times[0] < times[-1] < START + YEAR_MS
    assert START + 0.45 * YEAR_MS < times[10_000] < START + 0.55 * YEAR_MS
    assert all(id_time(event.event_id) == event.occurred_at for event in events)
