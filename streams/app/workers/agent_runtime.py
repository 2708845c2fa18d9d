"""Wiring of agents: each kind gets the stores that it needs, and no other."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from streams.agents.base import Agent, AgentDependencies, AgentSteps, ViewAgent
from streams.agents.internal_events import INTERNAL_TOPICS, to_messages
from streams.agents.lake import LakeAgent, LakeDependencies, Quarantine
from streams.agents.registry import AGENTS
from streams.app.broker import schema_registry
from streams.app.settings import Settings
from streams.app.stores import durable_views, progress, pull_set, row_caches, timeline_cache
from streams.app.workers.post_metrics import PostMetrics
from streams.caching.invalidating_sink import InvalidatingSink
from streams.contracts.bronze import bronze_table, lake_tables
from streams.contracts.events import Event
from streams.projections.tier_policy import TierLimits
from streams.runtime.consumer.transport import WantedFrom
from streams.runtime.dead_letters.reporter import (
    DeadLetterReporter,
    DeadLetterSink,
    dead_letter_topic,
)
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.producer import AckedProducer
from streams.sinks.delta.landing import Landing, next_offsets
from streams.sinks.delta.table import LakeTable, create_tables
from streams.views.store import Views


@dataclass(frozen=True, slots=True)
class AgentRuntime:
    """An agent's steps per topic, bound to its stores, and the sink of a topic's bad records."""

    steps: Callable[[str], AgentSteps]
    dead_letter_sink: Callable[[str], DeadLetterSink]
    batch_records: int
    batch_wait_ms: int
    patient: bool = False
    """Whether a batch always waits `batch_wait_ms` to fill, even after a pause."""
    wanted_from: WantedFrom | None = None
    """Function that returns the first offsets missing in the store, if the store keeps offsets."""


@contextmanager
def agent_runtime(
    settings: Settings, agent: Agent[Any], metrics: Metrics
) -> Iterator[AgentRuntime]:
    """Open the stores of an agent while the context lasts.

    Raises:
        UserError: a store is missing.
    """
    if isinstance(agent, LakeAgent):
        yield _lake(settings, agent, metrics)
    else:
        with _views(settings, agent, metrics) as runtime:
            yield runtime


def topics_needed(names: Sequence[str]) -> set[str]:
    """Return the topics that these agents read and write."""
    needed: set[str] = set()
    for name in names:
        agent = AGENTS[name]
        needed.update(agent.topics)
        if isinstance(agent, ViewAgent):
            needed.update(map(dead_letter_topic, agent.topics), INTERNAL_TOPICS)
    return needed


def check_stores(settings: Settings, names: Sequence[str]) -> None:
    """Raise UserError if a store of these agents is missing; create the lake's tables."""
    kinds = {type(AGENTS[name]) for name in names}
    if ViewAgent in kinds:
        with durable_views(settings):
            pass
    if LakeAgent in kinds:
        create_tables(settings.lake_path, lake_tables())


@contextmanager
def _views(
    settings: Settings, agent: Agent[AgentDependencies], metrics: Metrics
) -> Iterator[AgentRuntime]:
    producer = AckedProducer(settings.bootstrap, client_id=metrics.group)
    registry = schema_registry(settings)

    def send(events: Sequence[Event]) -> None:
        producer.send([*to_messages(events, registry.schema_id)])

    with durable_views(settings) as store:
        views = Views.of(store)
        services = AgentDependencies(
            sink=InvalidatingSink(store, views, row_caches(settings)),
            views=views,
            timelines=timeline_cache(settings),
            pulls=pull_set(settings),
            lookup=registry.schema_text,
            send=send,
            tier_limits=TierLimits(
                budget=settings.pull_budget,
                followers=settings.pull_followers,
            ),
            inline_followers=settings.inline_followers,
            delivery_page=settings.delivery_page,
            distributed=PostMetrics(metrics.registry).distributed,
        )
        dead_letters = DeadLetterReporter(producer.send, metrics)
        yield AgentRuntime(
            steps=lambda topic: agent.steps(services, topic),
            dead_letter_sink=lambda _: dead_letters,
            batch_records=settings.batch_records,
            batch_wait_ms=settings.batch_wait_ms,
        )


def _lake(settings: Settings, agent: LakeAgent, metrics: Metrics) -> AgentRuntime:
    create_tables(settings.lake_path, lake_tables())
    for topic, log in progress(settings).logs(agent.topics).items():
        table = LakeTable(settings.lake_path, bronze_table(topic))
        table.bind_topic(topic, log.topic_id, log.partitions)
    landings = {topic: Landing(settings.lake_path, topic) for topic in agent.topics}
    services = LakeDependencies(landings, schema_registry(settings).schema_text)
    return AgentRuntime(
        steps=lambda topic: agent.steps(services, topic),
        dead_letter_sink=lambda topic: Quarantine(landings[topic], metrics),
        batch_records=settings.lake_batch_records,
        batch_wait_ms=settings.lake_batch_wait_ms,
        patient=True,
        wanted_from=partial(next_offsets, settings.lake_path),
    )
