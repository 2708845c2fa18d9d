"""Metrics of the change stream, all named in this module."""

from math import nan
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, start_http_server

from streams.accounts.connect_client import ConnectorState, ConnectorStatus
from streams.accounts.slot import SlotStatus

CONNECTOR_STATE: Final = "storyline_cdc_connector_state"
TASK_STATE: Final = "storyline_cdc_task_state"
RESTARTS: Final = "storyline_cdc_restarts_total"
GAVE_UP: Final = "storyline_cdc_gave_up"
SLOT_ACTIVE: Final = "storyline_cdc_slot_active"
SLOT_LAG: Final = "storyline_cdc_slot_lag_bytes"
WAL_KEPT: Final = "storyline_cdc_wal_kept_bytes"
HEARTBEAT_AGE: Final = "storyline_cdc_heartbeat_age_seconds"


class CaptureMetrics:
    """Metrics of one connector; an unknown value is NaN, or the state UNKNOWN."""

    def __init__(self, connector: str) -> None:
        self.registry = CollectorRegistry()
        self._connector_state = self._states(
            CONNECTOR_STATE, "State of the connector; MISSING: there is none.", connector
        )
        self._task_state = self._states(
            TASK_STATE, "State of the connector's task, the worst of several.", connector
        )
        self._restarts = Counter(
            RESTARTS, "Restarts of failed tasks.", ["connector"], registry=self.registry
        ).labels(connector)
        self._gave_up = self._gauge(
            GAVE_UP, "1 while a failed task needs a person; else 0.", connector
        )
        self._slot_active = self._gauge(SLOT_ACTIVE, "1 while the slot is read; else 0.", connector)
        self._lag = self._gauge(
            SLOT_LAG, "Write-ahead log that the connector has not confirmed.", connector
        )
        self._kept = self._gauge(
            WAL_KEPT, "Write-ahead log that the slot keeps from being removed.", connector
        )
        self._heartbeat = self._gauge(
            HEARTBEAT_AGE, "Time since the connector wrote its heartbeat.", connector
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
