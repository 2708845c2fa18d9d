"""Change stream as a whole: creation, status, restart and removal of its connector and slot."""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from streams.accounts.connect_client import ConnectClient, ConnectorStatus
from streams.accounts.connector import Capture, connector_config
from streams.accounts.database import Connection
from streams.accounts.diagnosis import diagnosed
from streams.accounts.slot import SlotStatus, drop_slot, heartbeat_age_s, slot_status
from streams.errors import UserError

_POLL_S: Final = 0.2
_STEADY_S: Final = 3.0
"""Seconds within which a record that cannot be captured makes its task fail."""
_LET_GO_S: Final = 30.0


class StreamStatus(NamedTuple):
    """State of the stream in Connect and PostgreSQL; `None` for what does not exist."""

    connector: ConnectorStatus | None
    slot: SlotStatus | None
    heartbeat_age_s: float | None
    connect_error: str = ""
    """Reason why Connect did not answer; empty if it did."""
    database_error: str = ""
    """Reason why PostgreSQL did not answer; empty if it did."""

    @property
    def flows(self) -> bool:
        """Return whether changes are captured now."""
        running = self.connector is not None and self.connector.running
        return running and self.slot is not None and self.slot.active


class ChangeStream:
    """The stream that `capture` describes, through Connect and a connection to the database."""

    def __init__(self, capture: Capture, client: ConnectClient, connection: Connection) -> None:
        self._capture = capture
        self._client = client
        self._connection = connection

    def status(self) -> StreamStatus:
        return StreamStatus(
            self._client.status(self._capture.name),
            slot_status(self._connection, self._capture.slot),
            heartbeat_age_s(self._connection),
        )

    def apply(self, *, within_s: float, progress: Callable[[str], None] = lambda _: None) -> bool:
        """Configure the connector and wait until changes flow.

        A connector that has this configuration already is left alone, one that an earlier version
        configured continues at its position, and one that failed is restarted.

        Args:
            within_s: Longest wait in seconds.
            progress: Receives the title of each step.

        Returns:
            Whether the configuration changed.

        Raises:
            UserError: The slot is lost, the connector failed (the message names the cause), or
                changes do not flow in time.
        """
        progress("configuring the connector …")
        self._require_slot()
        config = connector_config(self._capture)
        before = self._client.status(self._capture.name)
        changed = self._client.put(self._capture.name, config)
        if before is not None and before.failed:
            self._client.restart(self._capture.name, only_failed=True)
        progress("waiting for the first task …")
        moved = changed and before is not None
        self._wait(within_s, after=before, steady_s=_STEADY_S if moved else 0.0)
        return changed

    def restart(self, *, within_s: float, progress: Callable[[str], None] = lambda _: None) -> None:
        """Restart the connector and its task and wait until changes flow.

        Args:
            within_s: Longest wait in seconds.
            progress: Receives the title of each step.

        Raises:
            UserError: There is no connector, it failed, or changes do not flow in time.
        """
        before = self._require_connector()
        progress("restarting …")
        self._client.restart(self._capture.name)
        self._wait(within_s, after=before)

    def drop(self) -> None:
        """Remove the connector, its offsets and its slot. The topics stay.

        The next `apply` begins with a snapshot of all rows.
        """
        if self._client.config(self._capture.name) is not None:
            self._client.stop(self._capture.name)
            self._wait_until(self._is_released)
            self._client.forget_offsets(self._capture.name)
            self._client.delete(self._capture.name)
            self._wait_until(lambda: self._client.status(self._capture.name) is None)
        drop_slot(self._connection, self._capture.slot)

    def _require_connector(self) -> ConnectorStatus:
        found = self._client.status(self._capture.name)
        if found is None:
            raise UserError(
                f"Kafka Connect has no connector {self._capture.name}",
                hint="make it with: storyline cdc apply",
            )
        return found

    def _require_slot(self) -> None:
        found = slot_status(self._connection, self._capture.slot)
        if found is not None and found.lost:
            raise UserError(
                f"PostgreSQL removed what the slot {self._capture.slot} had still to deliver",
                hint="begin again with a snapshot: storyline cdc drop, then storyline cdc apply",
            )

    def _wait(
        self, within_s: float, *, after: ConnectorStatus | None, steady_s: float = 0.0
    ) -> None:
        """Wait until changes flow, and flow for `steady_s` seconds.

        If the connector had failed before, they must flow for `_STEADY_S` seconds. A failure counts
        once the connector was seen without one: Connect shows the old failure for a moment after a
        restart.
        """
        had_failed = after is not None and after.failed
        steady_s = _STEADY_S if had_failed else steady_s
        deadline, since, fresh = time.monotonic() + within_s, None, not had_failed
        while True:
            found, now = self.status(), time.monotonic()
            trace = found.connector.trace if found.connector else ""
            fresh = fresh or not trace
            if trace and (fresh or now > deadline):
                cause, advice = diagnosed(trace)
                raise UserError(f"the connector failed: {cause}", hint=advice)
            since = (since or now) if found.flows and self._is_past_snapshot() else None
            if since is not None and now - since >= steady_s:
                return
            if now > deadline:
                raise UserError(
                    f"no changes flow after {within_s:.0f} s: {_state_text(found)}",
                    hint="see storyline cdc status, and storyline logs connect",
                )
            time.sleep(_POLL_S)

    def _is_past_snapshot(self) -> bool:
        """Return whether the position that Connect keeps is one in the log of changes.

        A connector that is killed before then begins again with a snapshot, and the changes
        between the two snapshots have no records of their own.
        """
        kept = [part["offset"] for part in self._client.offsets(self._capture.name)]
        return bool(kept) and not any(offset.get("snapshot") for offset in kept)

    def _is_released(self) -> bool:
        """Return whether the stopped connector has no task and does not read the slot any more."""
        found = self.status()
        tasks = found.connector.tasks if found.connector else ()
        return not tasks and not (found.slot and found.slot.active)

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _LET_GO_S
        while not condition():
            if time.monotonic() > deadline:
                raise UserError(
                    f"Kafka Connect did not let go of {self._capture.name}",
                    hint="see storyline logs connect, then repeat: storyline cdc drop",
                )
            time.sleep(_POLL_S)


def _state_text(found: StreamStatus) -> str:
    if found.connector is None:
        return "Connect has not started the connector"
    if not found.connector.tasks:
        return f"the connector is {found.connector.connector.state} and has no task"
    if not found.connector.running:
        return f"the task is {found.connector.tasks[0].state}"
    return "the task runs, perhaps still at its first snapshot"
