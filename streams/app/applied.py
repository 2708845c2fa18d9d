"""Waiting until the workers have applied the log up to given ends."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from confluent_kafka import KafkaException

from streams.agents.progress import PartitionLag, Progress
from streams.agents.registry import AGENTS
from streams.app.log_scan import Spans
from streams.app.settings import Settings
from streams.app.wiring import no_answer, progress
from streams.errors import UserError

_POLL_S: Final = 0.25
_UPSTREAM: Final = ("graph", "posts")
_DELIVERY: Final = "delivery"


def wait_until_applied(
    settings: Settings, spans: Spans, *, timeout_s: float, report: Callable[[str], None]
) -> None:
    """Wait until nothing that a home feed needs is left of `spans`.

    `graph` and `posts` must have committed the ends of them; then `delivery`, which reads what
    `posts` writes, must have nothing left. Raises UserError, naming the group that lags, after
    `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    try:
        broker = progress(settings)
        for agent in _UPSTREAM:
            _wait(settings, broker, agent, lambda lag: _behind(lag, spans), deadline, report)
        _wait(settings, broker, _DELIVERY, lambda lag: lag.lag, deadline, report)
    except KafkaException as error:
        raise no_answer(settings, error) from error


def _behind(lag: PartitionLag, spans: Spans) -> int:
    """How many records of the stretch the group has not committed."""
    span = spans.get(lag.topic, {}).get(lag.partition)
    return 0 if span is None else max(0, span.end - max(lag.start, lag.committed or 0))


def _wait(
    settings: Settings,
    broker: Progress,
    agent: str,
    left: Callable[[PartitionLag], int],
    deadline: float,
    report: Callable[[str], None],
) -> None:
    group, topics = settings.group(agent), AGENTS[agent].topics
    while records := _sum(broker.lag({group: topics}), left):
        if time.monotonic() >= deadline:
            raise UserError(
                f"the group {agent} lags: it has still to apply {records} records",
                hint="is it running? see `storyline lag` and `storyline logs`; or wait longer "
                "with --timeout",
            )
        report(f"waiting for the group {agent}: {records} records left")
        time.sleep(_POLL_S)


def _sum(lags: Sequence[PartitionLag], left: Callable[[PartitionLag], int]) -> int:
    return sum(map(left, lags))
