"""Alert rules can be read, and ask for metrics that exist."""

import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import generate_latest

from streams.contracts.events import Tier
from streams.serving.metrics import Cache, CacheMetrics

RULES = Path(__file__).parents[2] / "deploy/prometheus/caches.yml"


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
