"""The work of `storyline expire`: a process that publishes the ends of stories to the log."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from confluent_kafka import KafkaException
from prometheus_client import CollectorRegistry, Counter, Gauge

from streams.agents.internal_events import to_messages
from streams.agents.stories import STORIES
from streams.agents.story_expiry import ExpiryPublisher
from streams.app.broker import schema_registry
from streams.app.settings import Settings
from streams.app.signals import stop_signals
from streams.app.stores import durable_views, progress
from streams.app.workers.run import check_topics
from streams.app.workers.run_files import run_file
from streams.contracts.codec import RegistryUnavailableError
from streams.contracts.events import Event
from streams.errors import StoreUnavailableError
from streams.runtime.monitoring.endpoint import HEALTH_PATH, METRICS_PATH, Health, serve
from streams.runtime.producer import AckedProducer, ProducerUnavailableError

PUBLISHED: Final = "storyline_stories_expired_total"
"""Counter of stories, without labels: ends of stories that this process published to the log.

If it does not rise although stories end, see `LATE`.
"""
PENDING: Final = "storyline_stories_expired_untold"
"""Gauge of stories, without labels: ends that are due and not read back from the log yet.

If it grows, the worker `stories` is behind or not running: see `storyline lag --group stories`.
"""
LATE: Final = "storyline_stories_expired_late_seconds"
"""Gauge in seconds, without labels: time since the first pending end was due; 0 if none is pending.

If it is above 60, check that the worker `stories` is running and that Kafka answers.
"""
_TRANSIENT: Final = (
    StoreUnavailableError,
    RegistryUnavailableError,
    ProducerUnavailableError,
    KafkaException,
)
"""Transient errors: the next round tries again."""

log = structlog.get_logger(__name__)


class ExpiryMetrics:
    """Metrics of published and pending ends of stories."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.published = Counter(
            PUBLISHED, "Ends of stories published to the log.", registry=self.registry
        )
        self.pending = Gauge(
            PENDING,
            "Ends of stories that are due and not read back from the log yet.",
            registry=self.registry,
        )
        self.late = Gauge(
            LATE, "Time since the first pending end was due; 0 if none is.", registry=self.registry
        )


class Expirer:
    """Publisher of due ends in rounds, which never stops because a server is unavailable.

    The first round waits until the fold has read to the log's end once: otherwise it would publish
    again an end that is in the log and that the fold has not read yet.
    """

    def __init__(
        self,
        publisher: ExpiryPublisher,
        *,
        lag: Callable[[], int],
        metrics: ExpiryMetrics,
        clock: Callable[[], float] = time.time,
        blocked_after_s: float = 60.0,
    ) -> None:
        self._publisher = publisher
        self._lag = lag
        self._metrics = metrics
        self._clock = clock
        self._caught_up = False
        self._blocked_after_s = blocked_after_s
        self._waits_for = self._details = ""
        self._waiting_since: float | None = None

    def run(self, stopping: threading.Event, every_s: float) -> None:
        """Publish due ends every `every_s` seconds until `stopping` is set."""
        while not stopping.is_set():
            self.run_once()
            stopping.wait(every_s)

    def health(self) -> Health:
        """Return the health: bad if the publisher has waited too long for a server or the fold."""
        since = self._waiting_since
        waited_s = 0.0 if since is None else self._clock() - since
        if waited_s < self._blocked_after_s:
            return Health("expire")
        return Health("expire", (f"{self._waits_for}, for {waited_s:.0f} s: {self._details}",))

    def run_once(self) -> None:
        """Publish the due ends if the fold has caught up and the servers answer."""
        try:
            if not self._caught_up:
                if left := self._lag():
                    self._report_wait("waiting for the stories to be folded", left=left)
                    return
                self._caught_up = True
            now = int(self._clock() * 1000)
            result = self._publisher.publish_due(now)
        except _TRANSIENT as error:
            self._report_wait("waiting for a server", error=str(error))
            return
        self._report_wait("")
        self._metrics.published.inc(result.published)
        self._metrics.pending.set(result.pending)
        late_ms = 0 if result.oldest_due is None else now - result.oldest_due
        self._metrics.late.set(late_ms / 1000)
        if result.published:
            log.info("stories_expired", published=result.published)

    def _report_wait(self, what: str, **details: object) -> None:
        """Log what the publisher waits for, once until it changes; `""` ends the wait."""
        if what and what != self._waits_for:
            log.warning(what, **details)
        self._waits_for, self._details = what, ", ".join(str(value) for value in details.values())
        if not what:
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = self._clock()


def expire(settings: Settings) -> None:
    """Publish ends of stories until SIGTERM or SIGINT.

    Raises:
        UserError: a server, a topic or the keyspace is missing at the start.
    """
    check_topics(settings, set(STORIES.topics))
    group, registry = settings.group("stories"), schema_registry(settings)
    producer, groups = (
        AckedProducer(settings.bootstrap, client_id="storyline-expire"),
        progress(settings),
    )

    def send(events: Sequence[Event]) -> None:
        producer.send([*to_messages(events, registry.schema_id)])

    def lag() -> int:
        return sum(part.lag for part in groups.lag({group: STORIES.topics}))

    metrics = ExpiryMetrics()
    with stop_signals() as stopping, durable_views(settings) as views:
        publisher = ExpiryPublisher(views.expiries, views, send)
        expirer = Expirer(
            publisher, lag=lag, metrics=metrics, blocked_after_s=settings.blocked_after_s
        )
        host = settings.metrics_host
        port = serve(host, settings.expire_metrics_port, metrics.registry, expirer.health)
        address, health = (f"http://{host}:{port}{path}" for path in (METRICS_PATH, HEALTH_PATH))
        with run_file(settings.home, "expire", address, health):
            log.info("working", views=settings.views_version, metrics=address)
            expirer.run(stopping, settings.expire_poll_s)
            log.info("stopped")
