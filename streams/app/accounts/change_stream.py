"""The accounts' change stream, on the servers that the settings name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, cast

import structlog

from streams.accounts.capture_metrics import CaptureMetrics
from streams.accounts.capture_schema import registry_findings
from streams.accounts.capture_topics import create_topics
from streams.accounts.connect_client import ConnectClient, ConnectorStatus
from streams.accounts.connector import COLUMNS, Capture, connector_config
from streams.accounts.connector_monitor import ConnectorMonitor
from streams.accounts.database import connect
from streams.accounts.ddl_trial import DdlFinding, judge, try_ddl
from streams.accounts.restart_policy import RestartPolicy
from streams.accounts.slot import SlotStatus, heartbeat_age_s, slot_status
from streams.accounts.stream import ChangeStream, StreamStatus
from streams.app.accounts.database import accounts_connection, accounts_server
from streams.app.broker import schema_registry
from streams.app.settings import Settings
from streams.app.signals import stop_signals
from streams.app.stores import START
from streams.app.workers.run_files import run_file
from streams.errors import StoreUnavailableError, UserError
from streams.parallel_calls import answers

FLOWS_WITHIN_S: Final = 120.0
STATUS_S: Final = 8.0
"""Seconds that Connect and PostgreSQL have to report their status."""
_LOOK_S: Final = 10.0
"""Seconds after which a query of the slot is cancelled, so that the metrics stay fresh."""

_APPLY: Final = "an added column can stop it: storyline cdc apply moves it over, without a snapshot"

log = structlog.get_logger(__name__)


def capture(settings: Settings) -> Capture:
    named = settings.accounts
    return Capture(
        source=replace(
            accounts_server(settings),
            user=named.cdc_user,
            password=named.cdc_password.get_secret_value(),
        ),
        registry_url=settings.converter_registry_url,
    )


@contextmanager
def change_stream(settings: Settings) -> Iterator[ChangeStream]:
    """Open the change stream; raise UserError if the accounts database is missing or outdated."""
    with (
        accounts_connection(settings) as connection,
        ConnectClient(settings.connect_url) as client,
    ):
        yield ChangeStream(capture(settings), client, connection)


def stream_status(settings: Settings, within_s: float = STATUS_S) -> StreamStatus:
    """Ask Connect and PostgreSQL at the same time, so that a silent one does not hide the other.

    Args:
        settings: Settings that name both servers.
        within_s: Seconds that both have together.

    Returns:
        The status; the part of a server that does not answer is `None`, with the reason.

    Raises:
        UserError: neither server answers.
    """
    captured = capture(settings)

    def of_connect() -> ConnectorStatus | None:
        with ConnectClient(settings.connect_url, busy_s=0) as client:
            return client.status(captured.name)

    def of_database() -> tuple[SlotStatus | None, float | None]:
        with accounts_connection(settings) as connection:
            return slot_status(connection, captured.slot), heartbeat_age_s(connection)

    connector, database = answers([of_connect, of_database], within_s)
    errors = [_why(answer) for answer in (connector, database)]
    if all(errors):
        raise UserError(
            f"Kafka Connect: {errors[0]}; PostgreSQL: {errors[1]}", hint=START
        ) from cast(Exception, database)
    slot, age = (None, None) if errors[1] else cast(Any, database)
    found = None if errors[0] else cast("ConnectorStatus | None", connector)
    return StreamStatus(found, slot, age, *errors)


def _why(answer: object) -> str:
    """Return why a server gave no answer, or `""` if it answered; raise any other error."""
    match answer:
        case TimeoutError():
            return f"does not answer: {answer}"
        case UserError():
            return answer.message
        case StoreUnavailableError():
            return str(answer)
        case Exception():
            raise answer
        case _:
            return ""


def apply(
    settings: Settings, progress: Callable[[str], None], within_s: float = FLOWS_WITHIN_S
) -> tuple[bool, StreamStatus]:
    """Set up the change stream: the registry's level, the topics and the connector.

    Args:
        settings: Settings of the stream and its servers.
        progress: Called with the name of each step as it begins.
        within_s: Seconds to wait until changes flow.

    Returns:
        Whether the connector was changed, and the status of the stream.

    Raises:
        UserError: a server does not answer, a setting is wrong, or the connector fails.
    """
    with change_stream(settings) as stream:
        progress("asking the registry …")
        schema_registry(settings).set_level()
        create_topics(settings.bootstrap, capture(settings))
        changed = stream.apply(within_s=within_s, progress=progress)
        return changed, stream.status()


def check_ddl(settings: Settings, text: str) -> list[DdlFinding]:
    """Return what a planned change of `users` would do to the stream, without changing anything.

    Args:
        settings: Settings of the stream and its servers.
        text: SQL statements of the planned change.

    Raises:
        UserError: PostgreSQL refuses the statements, or a server does not answer.
    """
    captured = capture(settings)
    with accounts_connection(settings) as connection:
        before, after = try_ddl(connection, text, captured.source.user)
    found = judge(before, after)
    if after is not None and not any(finding.harm for finding in found):
        found = [*registry_findings(settings.registry_url, captured, before, after), *found]
    with ConnectClient(settings.connect_url) as client:
        config = client.config(captured.name)
    if config is not None and config.get(COLUMNS) != connector_config(captured)[COLUMNS]:
        found.insert(0, DdlFinding(True, "the connector captures columns of another list", _APPLY))
    return found


def watch(settings: Settings) -> None:
    """Monitor the connector until SIGTERM or SIGINT; announce the metrics address in a run file."""
    captured, server = capture(settings), accounts_server(settings)
    metrics = CaptureMetrics(captured.name)
    port = metrics.serve(settings.metrics_host, settings.cdc_metrics_port)
    address = f"http://{settings.metrics_host}:{port}/metrics"
    with (
        stop_signals() as stopping,
        ConnectClient(settings.connect_url) as client,
        run_file(settings.home, "cdc", address),
    ):
        watcher = ConnectorMonitor(
            captured,
            client,
            open_database=lambda: connect(server, statement_timeout_s=_LOOK_S),
            registry_answers=schema_registry(settings).answers,
            metrics=metrics,
            policy=RestartPolicy(limit=settings.cdc_restarts),
        )
        log.info("watching", connector=captured.name, metrics=address)
        watcher.run(stopping, settings.cdc_poll_s)
        log.info("stopped", connector=captured.name)
