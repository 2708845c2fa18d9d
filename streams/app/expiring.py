"""`storyline expire`: a process that tells the log of stories that have ended."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Final

import structlog
from confluent_kafka import KafkaException
from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from streams.agents.expiring import ExpiryTeller
from streams.agents.own_events import own_messages
from streams.agents.stories import STORIES
from streams.app.messaging import schema_registry
from streams.app.run_files import run_file
from streams.app.settings import Settings
from streams.app.wiring import durable_views, progress
from streams.app.working import check_topics
from streams.contracts.codec import RegistryUnavailableError
from streams.contracts.events import Event
from streams.projections.ports import StoreUnavailableError
from streams.runtime.outbox import Outbox, OutboxUnavailableError

TOLD: Final = "storyline_stories_expired_total"
UNTOLD: Final = "storyline_stories_expired_untold"
LATE: Final = "storyline_stories_expired_late_seconds"
_PASSING: Final = (
    StoreUnavailableError,
    RegistryUnavailableError,
    OutboxUnavailableError,
    KafkaException,
)
"""Errors that pass by themselves: the next look tries again."""

log = structlog.get_logger(__name__)


class ExpiryMetrics:
    """What was told, and what waits."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.told = Counter(TOLD, "Ends of stories told to the log.", registry=self.registry)
        self.untold = Gauge(
            UNTOLD,
            "Ends that are due and of which the log, as far as it is folded, does not tell.",
            registry=self.registry,
        )
        self.late = Gauge(
            LATE, "Time since the first of them was due; 0: there are none.", registry=self.registry
        )


class Expirer:
    """Tells of what is due, look after look; never ends because a server is away.

    The first look waits until the fold has read to the log's end once: an end that the log tells
    of and the fold has not read yet would be told again.
    """

    def __init__(
        self,
        teller: ExpiryTeller,
        *,
        lag: Callable[[], int],
        metrics: ExpiryMetrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._teller = teller
        self._lag = lag
        self._metrics = metrics
        self._clock = clock
        self._caught_up = False
        self._said = ""

    def run(self, stopping: threading.Event, every_s: float) -> None:
        """Look every `every_s` seconds until told to stop."""
        while not stopping.is_set():
            self.look()
            stopping.wait(every_s)

    def look(self) -> None:
        """Tell what is due, if it can be told now."""
        try:
            if not self._caught_up:
                if left := self._lag():
                    self._say("waiting for the stories to be folded", left=left)
                    return
                self._caught_up = True
            now = int(self._clock() * 1000)
            found = self._teller.tell(now)
        except _PASSING as error:
            self._say("waiting for a server", error=str(error))
            return
        self._say("")
        self._metrics.told.inc(found.told)
        self._metrics.untold.set(found.untold)
        late_ms = 0 if found.oldest_due is None else now - found.oldest_due
        self._metrics.late.set(late_ms / 1000)
        if found.told:
            log.info("stories_expired", told=found.told)

    def _say(self, what: str, **details: object) -> None:
        """Once, until something else is to be said."""
        if what and what != self._said:
            log.warning(what, **details)
        self._said = what


def expire(settings: Settings) -> None:
    """Tell of stories that end until SIGTERM or SIGINT. Raises UserError where it cannot begin."""
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler
        stopping.set()

    check_topics(settings, set(STORIES.topics))
    group, registry = settings.group("stories"), schema_registry(settings)
    outbox, groups = Outbox(settings.bootstrap, client_id="storyline-expire"), progress(settings)

    def send(events: Sequence[Event]) -> None:
        outbox.send([*own_messages(events, registry.schema_id)])

    def lag() -> int:
        return sum(part.lag for part in groups.lag({group: STORIES.topics}))

    metrics = ExpiryMetrics()
    server, _ = start_http_server(
        settings.expire_metrics_port, addr=settings.metrics_host, registry=metrics.registry
    )
    address = f"http://{settings.metrics_host}:{server.server_port}/metrics"
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with durable_views(settings) as views, run_file(settings.home, "expire", address):
        teller = ExpiryTeller(views.expiries, views, send)
        log.info("working", views=settings.views_version, metrics=address)
        Expirer(teller, lag=lag, metrics=metrics).run(stopping, settings.expire_poll_s)
        log.info("stopped")
