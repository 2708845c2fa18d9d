"""Running one agent in this process."""

import threading
from collections.abc import Sequence

import structlog
from confluent_kafka import KafkaException

from streams.agents.agent import Services
from streams.agents.registry import AGENTS
from streams.agents.tasks import RECORD_TYPE, TOPIC, task_messages
from streams.app.messaging import schema_registry
from streams.app.run_files import run_file
from streams.app.settings import Settings
from streams.app.wiring import durable_views, no_answer, no_topic, progress, timeline_cache
from streams.contracts.batch import Record
from streams.contracts.codec import RegistryUnavailableError
from streams.contracts.events import DeliveryTask
from streams.errors import UserError
from streams.projections.ports import StoreUnavailableError
from streams.runtime.dead_letters import DeadLetters, dead_letter_topic
from streams.runtime.metrics import Metrics
from streams.runtime.outbox import Outbox, OutboxError, OutboxUnavailableError
from streams.runtime.pipeline import Pipeline
from streams.runtime.retry import Waiter
from streams.runtime.worker import Worker, WorkerConfig

PASSING = (StoreUnavailableError, RegistryUnavailableError, OutboxUnavailableError)
"""Errors that pass by themselves: a worker waits, acknowledging nothing."""

log = structlog.get_logger(__name__)


def agent_names() -> tuple[str, ...]:
    return tuple(AGENTS)


def run_agent(settings: Settings, name: str) -> None:
    """Work until SIGTERM or SIGINT, then finish the batch in hand and return.

    Raises UserError for what a person can put right, and every other error as it is, with
    nothing acknowledged that is not settled.
    """
    agent = AGENTS[name]
    check_topics(settings, _topics([name]))
    group, stopping = settings.group(name), threading.Event()
    metrics = Metrics(group)
    outbox = Outbox(settings.bootstrap, client_id=group)
    registry = schema_registry(settings)

    def send_tasks(tasks: Sequence[DeliveryTask]) -> None:
        outbox.send(task_messages(tasks, registry.schema_id(TOPIC, RECORD_TYPE)))

    with durable_views(settings) as views:
        services = Services(
            sink=views,
            timelines=timeline_cache(settings),
            lookup=registry.schema_text,
            send_tasks=send_tasks,
            inline_followers=settings.inline_followers,
            delivery_page=settings.delivery_page,
        )
        pipelines = {
            topic: Pipeline(
                topic,
                agent.steps(services, topic),
                dead_letters=DeadLetters(outbox.send, metrics),
                metrics=metrics,
                waiter=Waiter(PASSING, stopping),
            )
            for topic in agent.topics
        }
        worker = Worker(
            _config(settings, group), pipelines, Record, metrics=metrics, stopping=stopping
        )
        port = metrics.serve(settings.metrics_host, _metrics_port(settings, name))
        with run_file(settings.home, group, f"http://{settings.metrics_host}:{port}/metrics"):
            try:
                worker.run(lambda: log.info("working", group=group, topics=agent.topics))
            except OutboxError as error:
                raise UserError(
                    f"{group}: the broker refused a message: {error}",
                    hint="compare the topics with: storyline topics diff",
                ) from error
            log.info("stopped", group=group, tallies={k: str(v) for k, v in metrics.read().items()})


def check_servers(settings: Settings, names: Sequence[str]) -> None:
    """Raises UserError where these agents could not begin: a server, topic or table is missing."""
    check_topics(settings, _topics(names))
    with durable_views(settings):
        pass


def check_topics(settings: Settings, topics: set[str]) -> None:
    """Raises UserError where the broker does not answer or lacks a topic."""
    try:
        missing = progress(settings).missing(topics)
    except KafkaException as error:
        raise no_answer(settings, error) from error
    if missing:
        raise no_topic(missing)


def _topics(names: Sequence[str]) -> set[str]:
    read = {topic for name in names for topic in AGENTS[name].topics}
    return {*read, *map(dead_letter_topic, read), TOPIC}


def _metrics_port(settings: Settings, name: str) -> int:
    return settings.metrics_port and settings.metrics_port + agent_names().index(name)


def _config(settings: Settings, group: str) -> WorkerConfig:
    return WorkerConfig(
        group=group,
        bootstrap=settings.bootstrap,
        data_dir=settings.home / "run" / group,
        batch_records=settings.batch_records,
        batch_wait_ms=settings.batch_wait_ms,
        session_timeout_s=settings.session_timeout_s,
    )
