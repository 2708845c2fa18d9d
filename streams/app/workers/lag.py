"""The report of `storyline lag`: lag of groups, dead letters, conservation of running workers."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from streams.agents.base import ViewAgent
from streams.agents.lake import LakeAgent
from streams.agents.registry import AGENTS, STAGES
from streams.app.lake.position import lake_lags
from streams.app.settings import Settings
from streams.app.stores import answering_broker, no_topic
from streams.app.workers.run_files import (
    WaitingRecord,
    WorkerCounters,
    WorkerReport,
    worker_reports,
)
from streams.errors import StoreUnavailableError, UserError
from streams.kafka.consumer_groups import PartitionLag, Progress, StalledError, wait_until_idle
from streams.runtime.dead_letters.reporter import dead_letter_topic
from streams.sinks.delta.table import LakeError


class LagReport(NamedTuple):
    """Progress of the workers: lags, dead letters, and the answers of running workers."""

    lags: Sequence[PartitionLag]
    dead_letters: dict[str, int]
    """Number of records by dead letter topic."""
    workers: Sequence[WorkerReport]
    """Running workers, including those that do not answer."""
    lake_error: str = ""
    """Reason why the lake's tables cannot be read, in which case its lag is that of its commits;
    empty if they can."""

    @property
    def counters(self) -> list[WorkerCounters]:
        """Counters of the workers that answer."""
        return [counters for worker in self.workers for counters in worker.counters]

    @property
    def waiting(self) -> list[WaitingRecord]:
        """Records that workers wait at."""
        return [record for worker in self.workers for record in worker.waiting]

    @property
    def silent(self) -> list[WorkerReport]:
        """Running workers that do not answer."""
        return [worker for worker in self.workers if worker.silent]

    @property
    def lag(self) -> int:
        return sum(lag.lag for lag in self.lags)


def lag_report(settings: Settings, agents: Sequence[str] = tuple(AGENTS)) -> LagReport:
    """Ask the broker and the running workers for the progress of agents.

    Offsets come from the broker, and for the lake from its tables: they are complete even if a
    worker does not answer.

    Raises:
        UserError: the broker does not answer, or a topic is missing.
    """
    topics = [topic for name in agents for topic in AGENTS[name].topics]
    groups = _groups(settings, agents)
    with answering_broker(settings) as broker:
        if missing := broker.missing(topics):
            raise no_topic(missing)
        lake_error = ""
        try:
            lags = _lags(settings, broker, agents)
        except (LakeError, StoreUnavailableError) as error:
            lags, lake_error = broker.lag(groups), str(error)
        return LagReport(
            lags=lags,
            dead_letters=broker.sizes(_dead_letter_topics(agents)),
            workers=[report for report in worker_reports(settings.home) if report.group in groups],
            lake_error=lake_error,
        )


def partition_lag(
    settings: Settings, agent: str, topic: str, partition: int
) -> PartitionLag | None:
    """Return the lag of an agent's group in a partition; `None` if there is no such partition.

    Raises:
        UserError: the broker does not answer.
    """
    with answering_broker(settings) as broker:
        lags = _lags(settings, broker, [agent])
    return next((lag for lag in lags if (lag.topic, lag.partition) == (topic, partition)), None)


def wait_for_workers(
    settings: Settings,
    *,
    timeout_s: float,
    report: Callable[[Sequence[PartitionLag]], None] = lambda _: None,
) -> None:
    """Wait until the workers of every group have read everything (see `wait_until_idle`).

    Args:
        settings: Settings that name the broker and the views.
        timeout_s: Seconds to wait at most.
        report: Called with the lags of a stage at each look.

    Raises:
        UserError: records are left after `timeout_s`, or the broker does not answer.
    """
    with answering_broker(settings) as broker:
        try:
            wait_until_idle(
                lambda agents: lags_to_wait_for(settings, broker, agents),
                STAGES,
                timeout_s=timeout_s,
                report=report,
            )
        except StalledError as error:
            raise UserError(
                f"the workers do not keep up: {error}", hint="see `storyline lag` and their logs"
            ) from error


def _lags(settings: Settings, broker: Progress, agents: Sequence[str]) -> list[PartitionLag]:
    lags = broker.lag(_groups(settings, agents))
    lakes = {settings.group(name) for name in agents if isinstance(AGENTS[name], LakeAgent)}
    others = [lag for lag in lags if lag.group not in lakes]
    of_lake = [lag for lag in lags if lag.group in lakes]
    return others + lake_lags(settings.bootstrap, settings.lake_path, of_lake)


def lags_to_wait_for(
    settings: Settings, broker: Progress, agents: Sequence[str]
) -> list[PartitionLag]:
    """Return the lags; open the lake's tables only once the commits leave nothing to wait for."""
    lags = broker.lag(_groups(settings, agents))
    return lags if any(lag.lag for lag in lags) else _lags(settings, broker, agents)


def _dead_letter_topics(agents: Sequence[str]) -> list[str]:
    """Return the dead letter topics of these agents; the lake agent has a table instead."""
    views = [AGENTS[name] for name in agents if isinstance(AGENTS[name], ViewAgent)]
    return [dead_letter_topic(topic) for agent in views for topic in agent.topics]


def _groups(settings: Settings, agents: Sequence[str]) -> dict[str, tuple[str, ...]]:
    return {settings.group(name): AGENTS[name].topics for name in agents}
