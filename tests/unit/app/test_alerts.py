"""Alert rules can be read, and ask for metrics that exist."""

import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import generate_latest

from streams.caching.metrics import Cache, CacheMetrics
from streams.contracts.events import Tier
from streams.runtime.monitoring.metrics import Metrics
from tests.unit.runtime.test_runtime_worker_status import Worker

FOLDER = Path(__file__).parents[3] / "deploy/prometheus"
RULES, WORKER_RULES = FOLDER / "caches.yml", FOLDER / "workers.yml"


@pytest.fixture
def exposed() -> str:
    metrics = CacheMetrics()
    for tier in (Tier.REGULAR, Tier.CELEBRITY):
        metrics.count(Cache.POST, tier, hits=1, misses=1)
    return generate_latest(metrics.registry).decode()


def test_each_alert_asks_for_what_is_exposed(exposed: str) -> None:
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    assert {rule["alert"] for rule in group["rules"]} == {
        "StorylineCacheHitRateLow",
        "StorylineCelebrityHitRateLow",
    }
    for rule in group["rules"]:
        selectors = re.findall(r"(storyline_\w+)(\{[^}]*\})?", rule["expr"])
        assert len(selectors) == 2
        for name, labels in selectors:
            wanted = re.findall(r'\w+="\w+"', labels)
            lines = [line for line in exposed.splitlines() if line.startswith(f"{name}{{")]
            assert any(all(label in line for label in wanted) for line in lines), (name, wanted)


def test_workers_alerts_ask_for_labels_and_metrics_that_workers_expose() -> None:
    metrics = Metrics("storyline-v1-graph")
    metrics.add_gauges(Worker())
    exposed = generate_latest(metrics.registry).decode()
    (group,) = yaml.safe_load(WORKER_RULES.read_text(encoding="utf-8"))["groups"]
    limits = {}
    for rule in group["rules"]:
        labels, name, limit = re.fullmatch(
            r"max by \(([a-z, ]+)\) \((storyline_\w+)\) > (\d+)", rule["expr"]
        ).groups()  # type: ignore[union-attr]
        assert re.search(rf"^{name}{{[^}}]*}} [1-9]", exposed, re.MULTILINE), name
        for label in labels.split(", "):
            assert f"$labels.{label}" in rule["annotations"]["summary"]
            assert re.search(rf'^{name}{{.*{label}="', exposed, re.MULTILINE), label
        limits[rule["alert"]] = (name, int(limit))
    assert limits == {
        "StorylineRecordBlocked": ("storyline_blocked_seconds", 60),
        "StorylinePartitionStalled": ("storyline_stalled_seconds", 0),
    }
