"""Rules of one line each, whose neighbours' tests take them for granted."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from streams.accounts.connect_client import ConnectClient, ConnectUnavailableError
from streams.contracts.batch import APPEND_TIME, OFFSET, PARTITION, SCHEMA_ID, Batch
from streams.contracts.codec import decode
from streams.contracts.records import Records
from streams.lakehouse.answers import QuestionAnswer
from streams.lakehouse.charts import figure
from streams.projections.batch_rows import distinct
from streams.record import Record
from streams.serving.responses import to_json
from streams.views.timeline_limits import TimelineLimits, newest
from tests.support.batches import raw_batches
from tests.support.local_stack import free_ports
from tests.unit.contracts.test_codec_writers import TEXTS, TOPIC, values_of

DOCS = Path(__file__).parents[2] / "docs" / "concepts"


def test_connect_that_is_away_says_why() -> None:
    (port,) = free_ports(1)
    with (
        ConnectClient(f"http://127.0.0.1:{port}", busy_s=0) as client,
        pytest.raises(ConnectUnavailableError, match=r"[Rr]efused"),
    ):
        client.status("any")


@pytest.mark.parametrize("bad", [b"", b"\0", None])
def test_bad_first_record_takes_no_other_with_it(bad: bytes | None) -> None:
    values = [bad, *values_of([1, 2, 1]), bad]
    records = [Record(TOPIC, 0, n, 0, None, value) for n, value in enumerate(values)]
    batch, rejected = decode(Records.joined(raw_batches(records)), TOPIC, TEXTS.get)
    assert [one.record.offset for one in rejected] == [0, 4]
    assert batch.columns["UserFollowed"].column(OFFSET).to_pylist() == [1, 2, 3]


def _batch(event_ids: list[int]) -> Batch:
    count = len(event_ids)
    columns = {
        "event_id": event_ids,
        PARTITION: [0] * count,
        OFFSET: list(range(count)),
        APPEND_TIME: [0] * count,
        SCHEMA_ID: [1] * count,
    }
    return Batch("t", {"Any": pa.RecordBatch.from_pydict(columns)})


def test_distinct_events_stay_in_the_order_of_the_log() -> None:
    events = [n * 7_919 % 5_003 for n in range(5_003)]
    rows, repeated = distinct(_batch([*events, *events[::-1]]), "Any")
    assert rows is not None
    assert rows["event_id"].to_list() == events
    assert rows[OFFSET].to_list() == list(range(len(events)))
    assert repeated == len(events)


@dataclass(frozen=True)
class Shown:
    followers: tuple[int, ...]
    user_id: int
    likes: int
    next_after: int | None = None


def test_ids_of_answers_are_strings_one_or_many() -> None:
    assert to_json((Shown((1, 2), 3, 4), Shown((), 5, 6, 7))) == [
        {"followers": ["1", "2"], "user_id": "3", "likes": 4, "next_after": None},
        {"followers": [], "user_id": "5", "likes": 6, "next_after": "7"},
    ]


def test_timelines_live_as_long_as_the_docs_say() -> None:
    limits = TimelineLimits()
    assert limits.loading_s == 60
    assert timedelta(seconds=limits.complete_s) == timedelta(days=6)
    text = (DOCS / "timelines.md").read_text("utf-8")
    assert "60 s while loading, 6 days when complete" in text


@pytest.mark.parametrize(
    ("length", "kept", "floor"),
    [(2, [30, 40], 20), (3, [20, 30, 40], 10), (4, [10, 20, 30, 40], 5), (9, [10, 20, 30, 40], 5)],
)
def test_newest_ids_and_the_floor_below_them(length: int, kept: list[int], floor: int) -> None:
    assert newest([40, 10, 5, 4, 30, 20, 30], 5, length) == (kept, floor)


@pytest.mark.parametrize(("rows", "height"), [(3, 5.4), (20, 1.4 + 0.28 * 40)])
def test_picture_of_many_bars_is_taller(rows: int, height: float) -> None:
    answer = QuestionAnswer(("kind", "a", "b"), frozenset({"a", "b"}), iter(()))
    drawn = figure(answer, [(f"kind {n}", n, n) for n in range(rows)], None)
    assert drawn.get_figheight() == pytest.approx(height)
