"""What a worker reports while it waits at a record: its health and its metrics."""

import time
from pathlib import Path

from prometheus_client import generate_latest

from streams.runtime.config import WorkerConfig
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.monitoring.worker_status import WorkerStatus
from tests.support.local_stack import free_ports
from tests.unit.runtime.test_runtime_worker_status import BLOCKAGE, TOPIC


def test_a_wait_beyond_the_limit_is_a_reason_and_one_below_it_is_none(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    config = WorkerConfig("group", f"127.0.0.1:{port}", tmp_path, blocked_after_s=60)
    since = [time.time() - 59]
    status = WorkerStatus(
        config, {TOPIC: lambda: [BLOCKAGE._replace(since=since[0])]}, lambda _: None
    )
    assert status.health().ok
    assert [record.overdue for record in status.health().blocked] == [False]
    since[0] -= 2
    (reason,) = status.health().reasons
    assert reason == f"{TOPIC}[1]: decode waits at offset 7: x, for 61 s"
    assert status.gauges().blocked[TOPIC, 1] >= 61


def test_the_metric_has_the_seconds_of_the_partition_that_waits(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    config = WorkerConfig("group", f"127.0.0.1:{port}", tmp_path)
    waits = [BLOCKAGE._replace(since=time.time() - 100)]
    metrics = Metrics("group")
    metrics.add_gauges(WorkerStatus(config, {TOPIC: lambda: waits}, lambda _: None))
    labels = {"group": "group", "topic": TOPIC, "partition": str(BLOCKAGE.partition)}
    assert generate_latest(metrics.registry)
    seconds = metrics.registry.get_sample_value("storyline_blocked_seconds", labels)
    assert seconds is not None
    assert 100 <= seconds < 160
