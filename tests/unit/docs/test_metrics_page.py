"""docs/metrics.md and the definitions in the code describe the metrics that processes expose."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from streams.accounts.capture_metrics import CaptureMetrics
from streams.app.workers.expire import ExpiryMetrics
from streams.app.workers.post_metrics import PostMetrics
from streams.caching.metrics import Cache, CacheMetrics
from streams.contracts.events import Tier
from streams.runtime.monitoring.metrics import Metrics
from tests.unit.docs.test_docs import DOCS, ROOT
from tests.unit.runtime.test_runtime_worker_status import Worker

PAGE = DOCS / "metrics.md"
CLASSES = {"Counter", "Gauge", "Histogram", "Summary", "Enum", "Info", "GaugeMetricFamily"}
DEFINITIONS = (
    "streams/accounts/capture_metrics.py",
    "streams/app/workers/expire.py",
    "streams/app/workers/post_metrics.py",
    "streams/caching/metrics.py",
    "streams/runtime/monitoring/metric_names.py",
)
MAKERS = {*DEFINITIONS[:-1], "streams/runtime/monitoring/metrics.py"}


class Documented(NamedTuple):
    """Row of the page."""

    kind: str
    labels: frozenset[str]
    meaning: str
    advice: str


def rows() -> dict[str, Documented]:
    """Return metric -> row."""
    found = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `storyline_"):
            name, kind, labels, *rest = [cell.strip() for cell in line.strip("|").split("|")]
            found[name.strip("`")] = Documented(kind, frozenset(re.findall(r"\w+", labels)), *rest)
    return found


def exposed() -> dict[str, tuple[str, frozenset[str]]]:
    """Return metric -> kind and labels, of registries in which every metric has a sample."""
    worker, posts = Metrics("group"), CollectorRegistry()
    worker.consumed("topic", 1)
    worker.applied("topic", 1)
    worker.duplicates("topic", 1)
    worker.dead_letter("topic", "bad_frame")
    worker.retried("topic", "apply")
    worker.acknowledged("topic", took_s=1.0, oldest=0, now_s=1.0)
    worker.dead_letter_limit("topic", 0.5)
    worker.add_gauges(Worker())
    PostMetrics(posts).distributed("inline", 1)
    caches = CacheMetrics()
    caches.count(Cache.POST, Tier.REGULAR, hits=1)
    capture = CaptureMetrics("accounts").registry
    registries = (worker.registry, posts, caches.registry, ExpiryMetrics().registry, capture)
    return {
        name: described
        for registry in registries
        for family in registry.collect()
        for name, described in [description(family)]
    }


def description(family: Metric) -> tuple[str, tuple[str, frozenset[str]]]:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    kind = "state set" if family.type == "stateset" else family.type
    return name, (kind, frozenset(family.samples[0].labels) - {"le"})


def definitions() -> Iterator[tuple[str, str]]:
    """Yield name and docstring of each metric that a module defines."""
    for file in DEFINITIONS:
        body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
        for node, after in zip(body, [*body[1:], None], strict=True):
            if isinstance(node, ast.Assign | ast.AnnAssign):
                match node.value, after:
                    case ast.Constant(value=str(name)), ast.Expr(ast.Constant(value=str(about))):
                        yield name, about
                    case ast.Constant(value=str(name)), _:
                        yield name, ""


def test_page_lists_every_exposed_metric_and_no_other() -> None:
    assert set(rows()) == set(exposed())


@pytest.mark.parametrize("name", exposed())
def test_row_has_kind_labels_meaning_and_advice(name: str) -> None:
    row, (kind, labels) = rows()[name], exposed()[name]
    assert row.kind.partition(",")[0] == kind
    assert row.labels == labels
    assert row.meaning
    assert row.advice


def test_every_exposed_metric_is_defined_with_kind_labels_and_advice() -> None:
    found = dict(definitions())
    for name, (kind, labels) in exposed().items():
        about = found.get(name) or found[name.removesuffix("_total")]
        meaning, _, advice = about.partition("\n\n")
        assert meaning.casefold().startswith(kind), name
        assert all(f"`{label}`" in meaning for label in labels - {name}), name
        assert advice, name


def test_metrics_are_made_in_no_other_module() -> None:
    found = set()
    for path in (ROOT / "streams").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for line in re.findall(r"^from prometheus_client\S* import (.+)$", text, re.MULTILINE):
            if CLASSES & set(re.findall(r"\w+", line)):
                found.add(str(path.relative_to(ROOT)))
    assert found == MAKERS
