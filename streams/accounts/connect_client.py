"""Client of Kafka Connect's REST interface, as far as one connector needs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import httpx2
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from streams.errors import UserError

_TIMEOUT_S: Final = 20.0
_BUSY_S: Final = 30.0
_MISSING, _BUSY = 404, 409


class ConnectorState(StrEnum):
    """State of a connector or a task; `MISSING` and `UNKNOWN` are Storyline's own."""

    RUNNING = "RUNNING"
    FAILED = "FAILED"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    UNASSIGNED = "UNASSIGNED"
    RESTARTING = "RESTARTING"
    MISSING = "MISSING"
    """Connect knows no such connector, or the connector has no task."""
    UNKNOWN = "UNKNOWN"
    """Connect does not answer, or reports a state that is not listed here."""


class ConnectUnavailableError(UserError):
    """Failure of Kafka Connect to answer in time."""


class ConnectBusyError(ConnectUnavailableError):
    """Refusal of Kafka Connect while it moves work from one process to another."""


class ConnectRefusedError(UserError):
    """A request that Kafka Connect refuses, such as a wrong configuration."""


@dataclass(frozen=True, slots=True)
class ConnectorPart:
    """A connector or one of its tasks; `trace` is the stack trace of a failure."""

    state: ConnectorState
    worker: str
    trace: str = ""


@dataclass(frozen=True, slots=True)
class ConnectorStatus:
    connector: ConnectorPart
    tasks: tuple[ConnectorPart, ...]

    @property
    def running(self) -> bool:
        """Return whether the connector and all its tasks run, and there is at least one task."""
        parts = (self.connector, *self.tasks)
        return bool(self.tasks) and all(part.state is ConnectorState.RUNNING for part in parts)

    @property
    def failed(self) -> bool:
        return any(part.state is ConnectorState.FAILED for part in (self.connector, *self.tasks))

    @property
    def trace(self) -> str:
        """Return the stack trace of the first part that failed, `""` if none did."""
        return next((part.trace for part in (self.connector, *self.tasks) if part.trace), "")


class ConnectClient:
    """Client of the Connect cluster at `url`; use it as a context manager, which closes it.

    Every method raises ConnectUnavailableError if Connect does not answer, and
    ConnectRefusedError with Connect's own message if Connect refuses the request. A request that
    Connect is too busy for is repeated for `busy_s` seconds, by default 30.
    """

    def __init__(self, url: str, *, busy_s: float = _BUSY_S) -> None:
        self._url = url
        self._busy_s = busy_s
        self._client = httpx2.Client(base_url=url, timeout=_TIMEOUT_S, trust_env=False)

    def __enter__(self) -> "ConnectClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def config(self, name: str) -> dict[str, str] | None:
        """Return the connector's configuration; `None` if there is no such connector."""
        found = self._ask("GET", f"/connectors/{name}/config", missing_is_none=True)
        return None if found is None else dict(found)

    def put(self, name: str, config: Mapping[str, str]) -> bool:
        """Create or configure the connector. Return whether its configuration changed."""
        complete = {**config, "name": name}
        if self.config(name) == complete:
            return False
        self._ask("PUT", f"/connectors/{name}/config", body=complete)
        return True

    def status(self, name: str) -> ConnectorStatus | None:
        """Return the state of the connector and its tasks.

        The result is `None` if there is no such connector, or no process has been assigned it yet.
        """
        status = self._ask("GET", f"/connectors/{name}/status", missing_is_none=True)
        if status is None:
            return None
        return ConnectorStatus(_part(status["connector"]), tuple(map(_part, status["tasks"])))

    def restart(self, name: str, *, only_failed: bool = False) -> None:
        """Restart the connector and its tasks, or only the parts that failed."""
        which = f"includeTasks=true&onlyFailed={str(only_failed).lower()}"
        self._ask("POST", f"/connectors/{name}/restart?{which}")

    def stop(self, name: str) -> None:
        """Stop the connector and its tasks; its configuration and offsets stay."""
        self._ask("PUT", f"/connectors/{name}/stop")

    def delete(self, name: str) -> None:
        """Delete the connector if it exists; its offsets stay."""
        self._ask("DELETE", f"/connectors/{name}", missing_is_none=True)

    def offsets(self, name: str) -> list[Any]:
        """Return the position up to which the source was read, in the connector's own terms."""
        return list(self._ask("GET", f"/connectors/{name}/offsets")["offsets"])

    def forget_offsets(self, name: str) -> None:
        """Delete the offsets of a stopped connector, which then starts from the beginning."""
        self._ask("DELETE", f"/connectors/{name}/offsets")

    def _ask(
        self, method: str, path: str, *, body: Any = None, missing_is_none: bool = False
    ) -> Any:
        retrying = Retrying(
            retry=retry_if_exception_type(ConnectBusyError),
            wait=wait_fixed(0.5),
            stop=stop_after_delay(self._busy_s),
            reraise=True,
        )
        return retrying(self._ask_once, method, path, body, missing_is_none)

    def _ask_once(self, method: str, path: str, body: Any, missing_is_none: bool) -> Any:
        try:
            answer = self._client.request(method, path, json=body)
        except httpx2.HTTPError as error:
            raise self._unavailable(str(error) or type(error).__name__) from error
        if answer.status_code == _MISSING and missing_is_none:
            return None
        if answer.is_success:
            return answer.json() if answer.content else None
        message = _message(answer)
        if answer.status_code == _BUSY:
            raise ConnectBusyError(
                f"Kafka Connect at {self._url} is busy: {message}", hint="try again in a minute"
            )
        if answer.is_server_error:
            raise self._unavailable(message)
        raise ConnectRefusedError(f"Kafka Connect refused: {message}")

    def _unavailable(self, message: str) -> ConnectUnavailableError:
        return ConnectUnavailableError(
            f"Kafka Connect at {self._url} does not answer: {message}",
            hint="start the local servers with: storyline up",
        )


def _part(status: Mapping[str, Any]) -> ConnectorPart:
    state = status["state"]
    known = ConnectorState(state) if state in ConnectorState.__members__ else ConnectorState.UNKNOWN
    return ConnectorPart(known, status["worker_id"], status.get("trace", ""))


def _message(answer: httpx2.Response) -> str:
    """Return Connect's message on one line, or the beginning of any other answer."""
    try:
        message = answer.json()["message"]
    except (ValueError, KeyError, TypeError):
        message = f"HTTP {answer.status_code} {answer.text[:200]}"
    return " ".join(str(message).split())
