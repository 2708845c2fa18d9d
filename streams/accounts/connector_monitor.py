"""Monitor of the connector: restarts what failed if that can help, or logs the failure once."""

import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from streams.accounts.capture_metrics import CaptureMetrics
from streams.accounts.connect_client import (
    ConnectClient,
    ConnectorStatus,
    ConnectRefusedError,
    ConnectUnavailableError,
)
from streams.accounts.connector import Capture
from streams.accounts.database import Connection
from streams.accounts.diagnosis import diagnosed
from streams.accounts.restart_policy import RestartPolicy, RestartVerdict
from streams.accounts.slot import heartbeat_age_s, slot_status
from streams.errors import StoreUnavailableError, UserError

log = structlog.get_logger(__name__)

_MISSING_S: Final = 20.0
"""Seconds that a Connect which has just started may take until it knows its connectors."""
_NEW_SNAPSHOT: Final = "begin again with a snapshot: storyline cdc drop, then storyline cdc apply"
_UNAVAILABLE: Final = (StoreUnavailableError, UserError)


class ConnectorMonitor:
    """Monitor of one connector; it creates none, and does not end if a server is unavailable."""

    def __init__(
        self,
        capture: Capture,
        client: ConnectClient,
        *,
        open_database: Callable[[], Connection],
        registry_answers: Callable[[], bool],
        metrics: CaptureMetrics,
        policy: RestartPolicy,
    ) -> None:
        self._capture = capture
        self._client = client
        self._open_database = open_database
        self._registry_answers = registry_answers
        self._metrics = metrics
        self._policy = policy
        self._connection: Connection | None = None
        self._said: dict[str, str] = {}
        self._there_at = time.monotonic()

    def run(self, stopping: threading.Event, every_s: float) -> None:
        """Check the connector every `every_s` seconds until `stopping` is set."""
        try:
            while not stopping.is_set():
                self.look()
                stopping.wait(every_s)
        finally:
            self._close()

    def look(self) -> None:
        """Check slot and connector, report their state, and restart what failed if it is due."""
        self._look_at_slot()
        try:
            found = self._client.status(self._capture.name)
            self._metrics.record_connector(found)
            self._judge(found)
            self._metrics.gave_up(self._policy.gave_up)
        except (ConnectUnavailableError, ConnectRefusedError) as error:
            self._metrics.record_connect_unavailable()
            self._say("connect", "waiting for Kafka Connect", error=error.message)
        else:
            self._say("connect", "")

    def _look_at_slot(self) -> None:
        try:
            if self._connection is None:
                self._connection = self._open_database()
            found = slot_status(self._connection, self._capture.slot)
            self._metrics.record_slot(found, heartbeat_age_s(self._connection))
        except _UNAVAILABLE as error:
            self._close()
            self._metrics.record_database_unavailable()
            self._say("postgres", "waiting for PostgreSQL", error=str(error))
        else:
            lost = found is not None and found.lost
            self._say(
                "postgres", "PostgreSQL invalidated the slot" if lost else "", advice=_NEW_SNAPSHOT
            )

    def _judge(self, found: ConnectorStatus | None) -> None:
        now = time.monotonic()
        if found is None:
            if now - self._there_at > _MISSING_S:
                self._say("stream", "there is no connector", advice="make it: storyline cdc apply")
            return
        self._there_at = now
        cause, advice = diagnosed(found.trace) if found.trace else ("", "")
        failed, running = found.failed, found.running
        self._say("stream", "the connector failed" if failed else "", error=cause, advice=advice)
        match self._policy.judge(now, failed=failed, running=running):
            case RestartVerdict.RESTART:
                self._restart()
            case RestartVerdict.GIVE_UP:
                log.error("gave up", tries=self._policy.tries, error=cause, advice=advice)
            case RestartVerdict.NOTHING:
                pass

    def _restart(self) -> None:
        """Restart what failed, unless a server that the task needs is unavailable.

        In that case, a restart would waste one of the policy's tries.
        """
        if self._connection is None:
            return
        if not self._registry_answers():
            self._say("registry", "waiting for the registry before a restart")
            return
        self._say("registry", "")
        self._client.restart(self._capture.name, only_failed=True)
        self._policy.restarted()
        self._metrics.count_restart()
        log.warning("restarted", connector=self._capture.name, tries=self._policy.tries)

    def _say(self, about: str, what: str, **context: object) -> None:
        """Log a problem when it begins and when it ends, but not while it lasts."""
        before = self._said.get(about, "")
        if what == before:
            return
        self._said[about] = what
        if what:
            log.warning(what, connector=self._capture.name, **context)
        else:
            log.info("no longer", what=before, connector=self._capture.name)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
