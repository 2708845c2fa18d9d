"""What `storyline lag` tells: lag of the groups, dead letters, conservation of running workers."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from streams.agents.agent import ViewAgent
from streams.agents.progress import PartitionLag, StalledError, wait_until_idle
from streams.agents.registry import AGENTS, STAGES
from streams.app.run_files import WorkerTally, worker_tallies
from streams.app.settings import Settings
from streams.app.wiring import asked_broker, no_topic
from streams.errors import UserError
from streams.runtime.dead_letters import dead_letter_topic


class Standing(NamedTuple):
    """Where the workers stand."""

    lags: Sequence[PartitionLag]
    dead_letters: dict[str, int]
    """Dead letter topic -> records in it."""
    tallies: Sequence[WorkerTally]

    @property
    def lag(self) -> int:
        return sum(lag.lag for lag in self.lags)


def standing(settings: Settings, agents: Sequence[str] = tuple(AGENTS)) -> Standing:
    """Ask the broker and the running workers. UserError where the broker or a topic is missing."""
    topics = [topic for name in agents for topic in AGENTS[name].topics]
    groups = _groups(settings, agents)
    with asked_broker(settings) as broker:
        if missing := broker.missing(topics):
            raise no_topic(missing)
        return Standing(
            lags=broker.lag(groups),
            dead_letters=broker.sizes(_dead_letter_topics(agents)),
            tallies=[told for told in worker_tallies(settings.home) if told.group in groups],
        )


def wait_for_workers(
    settings: Settings,
    *,
    timeout_s: float,
    report: Callable[[Sequence[PartitionLag]], None] = lambda _: None,
) -> None:
    """Wait until the workers of every group have read everything; see `wait_until_idle`.

    Raises UserError where they do not within `timeout_s`.
    """
    with asked_broker(settings) as broker:
        try:
            wait_until_idle(
                lambda agents: broker.lag(_groups(settings, agents)),
                STAGES,
                timeout_s=timeout_s,
                report=report,
            )
        except StalledError as error:
            raise UserError(
                f"the workers do not keep up: {error}", hint="see `storyline lag` and their logs"
            ) from error


def _dead_letter_topics(agents: Sequence[str]) -> list[str]:
    """Of these agents; the lake agent has a table instead."""
    views = [AGENTS[name] for name in agents if isinstance(AGENTS[name], ViewAgent)]
    return [dead_letter_topic(topic) for agent in views for topic in agent.topics]


def _groups(settings: Settings, agents: Sequence[str]) -> dict[str, tuple[str, ...]]:
    return {settings.group(name): AGENTS[name].topics for name in agents}
