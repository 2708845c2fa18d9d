"""Definition of every metric of the change stream: kind, unit, labels, meaning, and what to do.

All of them have the label `connector`. A value that is unknown, because a server is unavailable, is
NaN; an unknown state is UNKNOWN.
"""

from math import nan
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, start_http_server

from streams.accounts.connect_client import ConnectorState, ConnectorStatus
from streams.accounts.slot import SlotStatus

CONNECTOR_STATE: Final = "storyline_cdc_connector_state"
"""State set, by `connector` and the state: 1 for the connector's present state, 0 for the others.

If it is FAILED or STOPPED, run `storyline cdc restart`; if MISSING, `storyline cdc apply`.
"""
TASK_STATE: Final = "storyline_cdc_task_state"
"""State set, by `connector` and the state: 1 for the present state of the connector's task.

If it stays FAILED, `storyline cdc status` shows the error; the watcher restarts the task at first.
"""
RESTARTS: Final = "storyline_cdc_restarts_total"
"""Counter of restarts, by `connector`: restarts of failed tasks by the watcher.

If it rises, `storyline cdc status` shows why the task fails.
"""
GAVE_UP: Final = "storyline_cdc_gave_up"
"""Gauge, 0 or 1, by `connector`: 1 while a failed task waits for an operator.

Alert on it. Correct what `storyline cdc status` shows, then run `storyline cdc restart`.
"""
SLOT_ACTIVE: Final = "storyline_cdc_slot_active"
"""Gauge, 0 or 1, by `connector`: 1 while the connector reads the replication slot.

If it stays 0, the write-ahead log grows: see the connector's state.
"""
SLOT_LAG: Final = "storyline_cdc_slot_lag_bytes"
"""Gauge in bytes, by `connector`: write-ahead log that the connector has not confirmed.

If it grows, changes do not flow: see the task's state and the heartbeat.
"""
WAL_KEPT: Final = "storyline_cdc_wal_kept_bytes"
"""Gauge in bytes, by `connector`: write-ahead log that the slot keeps from being removed.

Alert well before 2 GB: there PostgreSQL gives the slot up, and the stream needs a new snapshot.
"""
HEARTBEAT_AGE: Final = "storyline_cdc_heartbeat_age_seconds"
"""Gauge in seconds, by `connector`: time since the connector last wrote its heartbeat.

If it exceeds a few seconds, the connector does not run or cannot write to PostgreSQL.
"""


class CaptureMetrics:
    """Metrics of one connector; an unknown value is NaN, or the state UNKNOWN."""

    def __init__(self, connector: str) -> None:
        self.registry = CollectorRegistry()
        self._connector_state = self._states(
            CONNECTOR_STATE, "State of the connector; MISSING if there is none.", connector
        )
        self._task_state = self._states(
            TASK_STATE, "State of the connector's task, or the worst of several.", connector
        )
        self._restarts = Counter(
            RESTARTS, "Restarts of failed tasks.", ["connector"], registry=self.registry
        ).labels(connector)
        self._gave_up = self._gauge(
            GAVE_UP, "1 while a failed task waits for an operator; otherwise 0.", connector
        )
        self._slot_active = self._gauge(
            SLOT_ACTIVE, "1 while the slot is read; otherwise 0.", connector
        )
        self._lag = self._gauge(
            SLOT_LAG, "Write-ahead log that the connector has not confirmed.", connector
        )
        self._kept = self._gauge(
            WAL_KEPT, "Write-ahead log that cannot be removed because of the slot.", connector
        )
        self._heartbeat = self._gauge(
            HEARTBEAT_AGE, "Time since the connector last wrote its heartbeat.", connector
        )

    def record_connector(self, found: ConnectorStatus | None) -> None:
        if found is None:
            self._connector_state.state(ConnectorState.MISSING)
            self._task_state.state(ConnectorState.MISSING)
            return
        self._connector_state.state(found.connector.state)
        self._task_state.state(_worst(found))

    def record_connect_unavailable(self) -> None:
        self._connector_state.state(ConnectorState.UNKNOWN)
        self._task_state.state(ConnectorState.UNKNOWN)

    def record_slot(self, found: SlotStatus | None, heartbeat_age_s: float | None) -> None:
        self._slot_active.set(found is not None and found.active)
        self._lag.set(nan if found is None or found.lag_bytes is None else found.lag_bytes)
        kept = None if found is None else found.wal_kept_bytes
        self._kept.set(nan if kept is None else kept)
        self._heartbeat.set(nan if heartbeat_age_s is None else heartbeat_age_s)

    def record_database_unavailable(self) -> None:
        for gauge in (self._slot_active, self._lag, self._kept, self._heartbeat):
            gauge.set(nan)

    def count_restart(self) -> None:
        self._restarts.inc()

    def gave_up(self, yes: bool) -> None:
        self._gave_up.set(yes)

    def serve(self, host: str, port: int) -> int:
        """Serve the metrics to Prometheus on `host`; port 0 takes a free one. Return the port."""
        server, _ = start_http_server(port, addr=host, registry=self.registry)
        return int(server.server_port)

    def _gauge(self, name: str, help: str, connector: str) -> Gauge:
        return Gauge(name, help, ["connector"], registry=self.registry).labels(connector)

    def _states(self, name: str, help: str, connector: str) -> Enum:
        states = [str(state) for state in ConnectorState]
        return Enum(name, help, ["connector"], registry=self.registry, states=states).labels(
            connector
        )


def _worst(found: ConnectorStatus) -> ConnectorState:
    """Return the state of the first task that does not run, else RUNNING; MISSING if no task."""
    states = [task.state for task in found.tasks]
    if not states:
        return ConnectorState.MISSING
    return next(
        (state for state in states if state is not ConnectorState.RUNNING), ConnectorState.RUNNING
    )
