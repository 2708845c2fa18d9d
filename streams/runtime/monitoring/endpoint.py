"""HTTP endpoint of a worker: its metrics, and whether it makes progress."""

import json
import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from streams.runtime.monitoring.blockages import Blockage

METRICS_PATH = "/metrics"
HEALTH_PATH = "/healthz"

_JSON = ("Content-Type", "application/json")


class BlockedRecord(NamedTuple):
    """A record that a partition waits at, for `seconds`; `overdue` if longer than is normal."""

    blockage: Blockage
    seconds: float
    overdue: bool


class Health(NamedTuple):
    """Health of a worker: whether it makes progress, and the reasons if it does not."""

    group: str
    reasons: tuple[str, ...] = ()
    """Empty if the worker is healthy."""
    blocked: tuple[BlockedRecord, ...] = ()
    """Records that partitions wait at, from the first failed try on."""

    @property
    def ok(self) -> bool:
        return not self.reasons


def serve(host: str, port: int, registry: CollectorRegistry, health: Callable[[], Health]) -> int:
    """Serve `/metrics` and `/healthz` in a background thread.

    `/healthz` is 200 or 503, its body a JSON object of `status`, `group`, `reasons` and `blocked`.

    Args:
        port: Port to listen on; 0 takes a free one.
        health: Called at each request of `/healthz`, in the thread that answers it.

    Returns:
        The port.
    """
    metrics: Any = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == METRICS_PATH:
            return metrics(environ, start)  # type: ignore[no-any-return]
        if path == HEALTH_PATH:
            return _answer_health(health(), start)
        start("404 Not Found", [_JSON])
        return [json.dumps({"paths": [METRICS_PATH, HEALTH_PATH]}).encode()]

    server = make_server(host, port, answer, ThreadingWSGIServer, _QuietHandler)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return int(server.server_port)


def _answer_health(health: Health, start: Callable[..., Any]) -> Iterable[bytes]:
    start("200 OK" if health.ok else "503 Service Unavailable", [_JSON])
    body = {
        "status": _status(health),
        "group": health.group,
        "reasons": list(health.reasons),
        "blocked": [
            {**blockage._asdict(), "seconds": round(seconds, 1), "overdue": overdue}
            for blockage, seconds, overdue in health.blocked
        ],
    }
    return [json.dumps(body).encode()]


def _status(health: Health) -> str:
    if health.ok:
        return "ok"
    overdue = [str(record.blockage) for record in health.blocked if record.overdue]
    return "blocked" if len(overdue) == len(health.reasons) else "stalled"


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing of a request."""
