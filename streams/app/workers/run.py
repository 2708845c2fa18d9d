"""Runner of one agent in this process."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog

from streams.agents.registry import AGENTS
from streams.app.settings import Settings
from streams.app.stores import answering_broker, no_topic
from streams.app.workers.agent_runtime import (
    AgentRuntime,
    agent_runtime,
    check_stores,
    topics_needed,
)
from streams.app.workers.dead_letter_limit import guard, stopped_at_limit
from streams.app.workers.run_files import run_file
from streams.contracts.codec import RegistryUnavailableError
from streams.dlq.decisions import ACTIONS_TOPIC
from streams.dlq.operator_decisions import OperatorDecisions
from streams.errors import StoreRefusedError, StoreUnavailableError, UserError
from streams.runtime.config import WorkerConfig
from streams.runtime.consumer.fetch_thread import MembershipLostError
from streams.runtime.dead_letters.limit import DeadLetterLimitError
from streams.runtime.monitoring.endpoint import HEALTH_PATH, METRICS_PATH, serve
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.processing.pipeline import Pipeline
from streams.runtime.processing.retry import RetryPolicy
from streams.runtime.producer import MessageRefusedError, ProducerUnavailableError
from streams.runtime.worker import NoProgressError, Worker
from streams.sinks.delta.table import ConcurrentCommitError

TRANSIENT = (
    StoreUnavailableError,
    RegistryUnavailableError,
    ProducerUnavailableError,
    ConcurrentCommitError,
)
"""Transient errors: a worker waits and acknowledges nothing."""

REFUSALS = (StoreRefusedError,)
"""Refusals of single records by a store: these become dead letters, their neighbours do not."""

log = structlog.get_logger(__name__)


def agent_names() -> tuple[str, ...]:
    return tuple(AGENTS)


def run_agent(settings: Settings, name: str, *, number: int = 0) -> None:
    """Run an agent until SIGTERM or SIGINT, then finish the running batch and return.

    Args:
        settings: Settings of the worker and its servers.
        name: Name of the agent.
        number: Number of this process among those of the agent on this machine, from 0.

    Raises:
        UserError: a cause that an operator can fix. Every other error is raised unchanged. In
            either case the worker has acknowledged no record that is not settled.
    """
    agent = AGENTS[name]
    check_topics(settings, {*topics_needed([name]), ACTIONS_TOPIC})
    group, stopping = settings.group(name), threading.Event()
    metrics = Metrics(group)
    with (
        OperatorDecisions(settings.bootstrap, group) as decisions,
        agent_runtime(settings, agent, metrics) as runtime,
    ):
        pipelines = {
            topic: Pipeline(
                topic,
                runtime.steps(topic),
                dead_letters=runtime.dead_letter_sink(topic),
                metrics=metrics,
                retry_policy=RetryPolicy(TRANSIENT, stopping),
                guard=guard(settings, topic, metrics),
                refusals=REFUSALS,
                decisions=decisions,
            )
            for topic in agent.topics
        }
        worker = Worker(
            _config(settings, group, runtime, number),
            pipelines,
            metrics=metrics,
            stopping=stopping,
            wanted_from=runtime.wanted_from,
        )
        host = settings.metrics_host
        port = serve(
            host, _metrics_port(settings, name, number), metrics.registry, worker.status.health
        )
        address = f"http://{host}:{port}"
        announced = run_file(
            settings.home, group, f"{address}{METRICS_PATH}", f"{address}{HEALTH_PATH}"
        )
        with announced, _explained(group):
            worker.run(lambda: log.info("working", group=group, topics=agent.topics))
            log.info(
                "stopped", group=group, counters={k: str(v) for k, v in metrics.read().items()}
            )


@contextmanager
def _explained(group: str) -> Iterator[None]:
    """Raise UserError, with advice, for errors that need an operator or an explanation."""
    try:
        yield
    except MessageRefusedError as error:
        raise UserError(
            f"{group}: the broker refused a message: {error}",
            hint="compare the topics with: storyline topics diff",
        ) from error
    except MembershipLostError as error:
        raise UserError(
            f"the worker ended: {error}",
            hint="another worker runs under the same name (--instance, "
            "STORYLINE_WORKER_INSTANCE), or this one was silent for too long; "
            "give each a name of its own, and start it again",
        ) from error
    except DeadLetterLimitError as error:
        raise stopped_at_limit(group, error) from error
    except NoProgressError as error:
        raise UserError(
            f"{group} made no progress and ended: {error}",
            hint="start it again, which `storyline up --workers` does by itself; nothing is lost",
        ) from error


def check_servers(settings: Settings, names: Sequence[str]) -> None:
    """Raise UserError if these agents could not start: a server, topic or table is missing."""
    check_topics(settings, topics_needed(names))
    check_stores(settings, names)


def check_topics(settings: Settings, topics: set[str]) -> None:
    """Raise UserError if the broker does not answer or does not have a topic."""
    with answering_broker(settings) as broker:
        missing = broker.missing(topics)
    if missing:
        raise no_topic(missing)


def _metrics_port(settings: Settings, name: str, number: int) -> int:
    names = agent_names()
    return settings.metrics_port and settings.metrics_port + names.index(name) + number * len(names)


def _config(settings: Settings, group: str, runtime: AgentRuntime, number: int) -> WorkerConfig:
    named = settings.worker_instance
    return WorkerConfig(
        group=group,
        instance=named and f"{named}-{number}",
        bootstrap=settings.bootstrap,
        data_dir=settings.home / "run" / group,
        batch_records=runtime.batch_records,
        batch_wait_ms=runtime.batch_wait_ms,
        patient=runtime.patient,
        session_timeout_s=settings.session_timeout_s,
        blocked_after_s=settings.blocked_after_s,
    )
