"""From a batch of bytes to rows: what every kind of event becomes, and what is set aside."""

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.agents.lake import LAKE, LakeDependencies, Quarantine
from streams.contracts.bronze import USERS_TOPIC, lake_tables
from streams.contracts.catalog import key_of, schemas, topics
from streams.contracts.codec import encode
from streams.contracts.events import ContentKind, ContentLiked, Event
from streams.contracts.fields import FieldKind, fields_of
from streams.contracts.tables import BRONZE
from streams.record import Record, RecordPosition
from streams.runtime.monitoring.counters import TopicCounters
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.processing.pipeline import Pipeline
from streams.runtime.processing.retry import RetryPolicy
from streams.sinks.delta.landing import Landing
from streams.sinks.delta.table import create_tables
from tests.strategies.events import events
from tests.support.batches import raw_batches
from tests.support.profiles import scaled

IDS = {name: number for number, name in enumerate(sorted(schemas()), start=1)}
TEXTS = {number: json.dumps(schemas()[name]) for name, number in IDS.items()}
SOCIAL = sorted(set(BRONZE) & set(topics()))
AT = 4_000_000_000_000
"""Later than any event that is drawn."""


def record(event: Event, offset: int, at: int = AT) -> Record:
    name = type(event).__name__
    topic = next(topic for topic in topics().values() if name in topic.records)
    key = key_of(name, {topic.key: getattr(event, topic.key)})
    return Record(topic.name, offset % 3, offset, at, key, encode(event, IDS[name]))


@given(st.data())
@settings(max_examples=scaled(60), deadline=None)
def test_every_field_of_every_event_is_in_its_row(data: st.DataObject) -> None:
    topic = data.draw(st.sampled_from(SOCIAL))
    drawn = data.draw(st.lists(events(topics()[topic].records), min_size=1, max_size=8))
    records = [record(event, offset) for offset, event in enumerate(drawn)]
    steps = LAKE.steps(LakeDependencies(_NoLanding(), TEXTS.get), topic)
    rows, rejected = steps.decode(raw_batches(records))
    refused = {reason.record.offset for reason in rejected}
    by_offset = {row["kafka_offset"]: row for row in rows.to_pylist()}
    assert by_offset.keys() == set(range(len(drawn))) - refused
    for offset, row in by_offset.items():
        event = drawn[offset]
        name = type(event).__name__
        given_fields = {field.name: field for field in fields_of(name)}
        assert row["record_type"] == name
        assert (row["kafka_partition"], row["schema_id"]) == (offset % 3, IDS[name])
        assert row["append_date"] == row["append_time"].date()
        for column, value in row.items():
            if column in given_fields:
                wanted = getattr(event, column)
                if given_fields[column].kind is FieldKind.TIME:
                    wanted = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=wanted)
                assert value == (list(wanted) if isinstance(wanted, tuple) else wanted), column


class _NoLanding(dict[str, Landing]):
    """Tables that are never written."""

    def __missing__(self, topic: str) -> Landing:
        return object.__new__(Landing)


def a_like(occurred_at: int) -> ContentLiked:
    return ContentLiked(
        event_id=5,
        occurred_at=occurred_at,
        user_id=1,
        content_kind=ContentKind.POST,
        content_id=2,
        owner_id=3,
    )


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    create_tables(tmp_path, lake_tables())
    return tmp_path


def test_record_with_a_time_that_no_table_can_hold_is_quarantined_alone(lake: Path) -> None:
    topic, metrics = "social.likes.v1", Metrics("lake")
    landings = {topic: Landing(lake, topic)}
    pipeline = Pipeline(
        topic,
        LAKE.steps(LakeDependencies(landings, TEXTS.get), topic),
        dead_letters=Quarantine(landings[topic], metrics),
        metrics=metrics,
        retry_policy=RetryPolicy((), threading.Event()),
    )
    times = (AT, -(1 << 62), AT, -62_135_596_800_001)
    records = [record(a_like(time), offset) for offset, time in enumerate(times)]
    for _ in range(2):
        metrics.consumed(topic, len(records))
        pipeline.run(raw_batches(records))
    assert metrics.read()[topic] == TopicCounters(8, 2, 4, {"invalid_event": 2})
    assert metrics.read()[topic].balanced
    landed = pl.read_delta(str(lake / "bronze_likes"))
    assert sorted(landed["kafka_offset"]) == [0, 2]
    aside = pl.scan_delta(str(lake / "quarantine")).group_by("topic", "code").len().collect()
    assert aside.rows() == [(topic, "invalid_event", 2)]


class _Decided:
    """Decisions of an operator about one record."""

    def __init__(self, position: RecordPosition) -> None:
        self._position = position

    def refresh(self) -> None:
        """Read nothing."""

    def of(self, _topic: str) -> Mapping[RecordPosition, str]:
        return {self._position: "written by a stranger"}


@pytest.mark.parametrize("topic", ["social.likes.v1", USERS_TOPIC])
def test_a_record_that_an_operator_rejects_is_quarantined_with_the_reason(
    lake: Path, topic: str
) -> None:
    metrics, landing = Metrics("lake"), Landing(lake, topic)
    rejected = record(a_like(AT), 1)._replace(topic=topic)
    pipeline = Pipeline(
        topic,
        LAKE.steps(LakeDependencies({topic: landing}, TEXTS.get), topic),
        dead_letters=Quarantine(landing, metrics),
        metrics=metrics,
        retry_policy=RetryPolicy((), threading.Event()),
        decisions=_Decided(rejected.position),
    )
    metrics.consumed(topic, 1)
    pipeline.run(raw_batches([rejected]))
    assert metrics.read()[topic] == TopicCounters(1, 0, 0, {"operator_rejected": 1})
    [row] = pl.read_delta(str(lake / "quarantine")).to_dicts()
    assert (row["code"], row["message"]) == ("operator_rejected", "written by a stranger")
    assert (row["topic"], row["value"], row["change"]) == (topic, rejected.value, None)
