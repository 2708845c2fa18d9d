"""What a worker answers over HTTP: metrics under one list of names, and its health."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from streams.runtime.monitoring.blockages import Blockage
from streams.runtime.monitoring.endpoint import BlockedRecord, Health, serve
from streams.runtime.monitoring.metric_names import (
    BLOCKED_SECONDS,
    BUFFERED,
    HELP,
    LAG,
    LATENCY_SECONDS,
    STALLED_SECONDS,
)
from streams.runtime.monitoring.metrics import Gauges, Metrics
from streams.runtime.monitoring.progress_monitor import AssignedPartition, ProgressMonitor
from streams.runtime.monitoring.stalls import PartitionProgress, Stall, StallKind
from tests.support.local_stack import free_ports
from tests.support.workers import wait_until

TOPIC = "things"
GAUGES = Gauges(
    {
        (TOPIC, 0): PartitionProgress(5, 5, 9, busy=False),
        (TOPIC, 1): PartitionProgress(7, 7, 7, busy=False),
    },
    (Stall((TOPIC, 0), StallKind.POSITION, PartitionProgress(5, 5, 9, busy=False), 12.0),),
    {TOPIC: 1234},
    {(TOPIC, 1): 61.5},
)
BLOCKAGE = Blockage(TOPIC, 1, 7, exact=True, step="decode", reason="x", since=100.0, tries=3)


class Worker:
    def gauges(self) -> Gauges:
        return GAUGES


def answer(path: str, metrics: Metrics, health: Callable[[], Health]) -> tuple[int, str]:
    port = serve("127.0.0.1", 0, metrics.registry, health)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


@pytest.fixture
def metrics() -> Metrics:
    """With something of everything."""
    made = Metrics("group")
    made.consumed(TOPIC, 3)
    made.applied(TOPIC, 1)
    made.duplicates(TOPIC, 1)
    made.dead_letter(TOPIC, "bad_frame")
    made.retried(TOPIC, "apply")
    made.acknowledged(TOPIC, took_s=0.5, oldest=1_600_000_000_000, now_s=1_600_000_002.0)
    made.add_gauges(Worker())
    return made


def samples(text: str) -> dict[tuple[str, str], float]:
    """(name, partition) -> value."""
    return {
        (sample.name, sample.labels.get("partition", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_metric_is_answered_with_its_help_and_there_is_no_other(metrics: Metrics) -> None:
    status, text = answer("/metrics", metrics, lambda: Health("group"))
    assert status == 200
    answered = {
        family.name.removesuffix("_created"): family.documentation
        for family in text_string_to_metric_families(text)
    }
    assert answered == {name.removesuffix("_total"): about for name, about in HELP.items()}


def test_gauges_are_read_at_each_scrape(metrics: Metrics) -> None:
    found = samples(answer("/metrics", metrics, lambda: Health("group"))[1])
    assert (found[LAG, "0"], found[LAG, "1"]) == (4, 0)
    assert (found[STALLED_SECONDS, "0"], found[STALLED_SECONDS, "1"]) == (12, 0)
    assert (found[BLOCKED_SECONDS, "0"], found[BLOCKED_SECONDS, "1"]) == (0, 61.5)
    assert found[BUFFERED, ""] == 1234
    assert found[f"{LATENCY_SECONDS}_sum", ""] == 2


def test_health_is_200_or_503_with_reasons(metrics: Metrics) -> None:
    status, text = answer("/healthz", metrics, lambda: Health("group"))
    well = {"status": "ok", "group": "group", "reasons": [], "blocked": []}
    assert (status, json.loads(text)) == (200, well)
    status, text = answer("/healthz", metrics, lambda: Health("group", ("things[0] stands",)))
    assert status == 503
    assert json.loads(text)["reasons"] == ["things[0] stands"]
    assert answer("/", metrics, lambda: Health("group"))[0] == 404


def test_a_blocked_record_is_in_the_answer_and_unhealthy_once_overdue(metrics: Metrics) -> None:
    fresh = Health("group", (), (BlockedRecord(BLOCKAGE, 2.04, overdue=False),))
    status, text = answer("/healthz", metrics, lambda: fresh)
    answered = json.loads(text)
    assert (status, answered["status"]) == (200, "ok")
    assert answered["blocked"] == [
        {**BLOCKAGE._asdict(), "seconds": 2.0, "overdue": False},
    ]
    overdue = Health("group", ("waits",), (BlockedRecord(BLOCKAGE, 61, overdue=True),))
    status, text = answer("/healthz", metrics, lambda: overdue)
    assert (status, json.loads(text)["status"]) == (503, "blocked")
    both = overdue._replace(reasons=("waits", "reading stands"))
    assert json.loads(answer("/healthz", metrics, lambda: both)[1])["status"] == "stalled"


def test_silent_broker_is_reported_and_stalls_nothing() -> None:
    gave_up: list[list[Stall]] = []
    (port,) = free_ports(1)
    monitor = ProgressMonitor(
        "group",
        f"127.0.0.1:{port}",
        lambda: {(TOPIC, 0): AssignedPartition(5, busy=False)},
        gave_up.append,
        every_s=0.05,
        stalled_after_s=0.1,
    )
    began = time.monotonic()
    monitor.start()
    wait_until(lambda: monitor.last_sample.unanswered_s, what="a look without an answer")
    monitor.stop()
    assert 0 < monitor.last_sample.unanswered_s <= time.monotonic() - began
    assert monitor.last_sample.progress == {}
    assert gave_up == []
