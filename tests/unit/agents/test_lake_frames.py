"""Records of other serdes in the lake: each is a row of bronze or of the quarantine."""

import threading
from pathlib import Path

import polars as pl

from streams.agents.lake import LAKE, LakeDependencies, Quarantine
from streams.contracts.bronze import lake_tables
from streams.runtime.monitoring.counters import TopicCounters
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.processing.pipeline import Pipeline
from streams.runtime.processing.retry import RetryPolicy
from streams.sinks.delta.landing import Landing
from streams.sinks.delta.table import create_tables
from tests.support.batches import raw_batches
from tests.unit.contracts.test_frames import (
    BARE,
    CONTENT_HEADER,
    FRAMED,
    GLOBAL_HEADER,
    ID,
    TOPIC,
    Lookup,
    long,
    record,
)


def test_lake_holds_the_id_that_the_registry_knows_and_quarantines_the_rest(tmp_path: Path) -> None:
    create_tables(tmp_path, lake_tables())
    metrics, landing = Metrics("lake"), Landing(tmp_path, TOPIC)
    pipeline = Pipeline(
        TOPIC,
        LAKE.steps(LakeDependencies({TOPIC: landing}, Lookup()), TOPIC),
        dead_letters=Quarantine(landing, metrics),
        metrics=metrics,
        retry_policy=RetryPolicy((), threading.Event()),
    )
    records = [
        record(b"\x00\x90\x01\x02\x03abc", offset=0),
        record(FRAMED, offset=1),
        record(BARE, (GLOBAL_HEADER, long(300)), offset=2),
        record(BARE, (CONTENT_HEADER, long(ID)), offset=3),
        record(BARE, (GLOBAL_HEADER, b"short"), offset=4),
    ]
    metrics.consumed(TOPIC, len(records))
    pipeline.run(raw_batches(records))
    refused = {"unknown_schema": 1, "bad_frame": 1}
    assert metrics.read()[TOPIC] == TopicCounters(5, 3, 0, refused)
    bronze = pl.read_delta(str(tmp_path / "bronze_likes")).sort("kafka_offset")
    assert bronze.select("kafka_offset", "schema_id").rows() == [(1, ID), (2, None), (3, ID)]
    aside = pl.read_delta(str(tmp_path / "quarantine")).sort("kafka_offset")
    assert aside.select("kafka_offset", "code", "value", "headers").rows() == [
        (0, "unknown_schema", records[0].value, []),
        (4, "bad_frame", BARE, [{"name": GLOBAL_HEADER, "value": b"short"}]),
    ]
