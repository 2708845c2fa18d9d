"""Building blocks of agents: their dependencies, and the steps that most of them share."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from streams.contracts.batch import Batch, ErrorCode, Rejected
from streams.contracts.codec import SchemaLookup
from streams.contracts.decoder import VALIDITY_STAGE, decode_and_validate
from streams.contracts.events import Event
from streams.contracts.records import Records, RecordSlice
from streams.projections.projection import Projected
from streams.projections.registry import facts_needed, project
from streams.projections.tier_policy import TierLimits
from streams.runtime.processing.pipeline import Steps
from streams.views.pull_set import PullSet
from streams.views.store import Views, ViewSink
from streams.views.timeline_cache import TimelineCache

AgentSteps = Steps[Any, Any]
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class AgentDependencies:
    """Dependencies of agents that fold views; built by `streams.app`, or of memory stores."""

    sink: ViewSink
    views: Views
    timelines: TimelineCache
    pulls: PullSet
    lookup: SchemaLookup
    send: Callable[[Sequence[Event]], None]
    """Writes the pipeline's own events; returns when the broker has acknowledged them."""
    tier_limits: TierLimits
    inline_followers: int
    """Followers per author and shard that the posts agent serves itself."""
    delivery_page: int
    """Followers that one delivery task serves."""
    distributed: Callable[[str, int], None] = lambda _way, _count: None
    """Receives a `streams.agents.fanout.FanOutMode` and the number of posts that took it."""
    clock: Callable[[], float] = time.monotonic
    """Seconds, for values that may be a little out of date."""


@dataclass(frozen=True, slots=True)
class Agent(Generic[S]):
    """Consumer group: its topics, and a function that returns the steps of each of them."""

    topics: tuple[str, ...]
    steps: Callable[[S, str], AgentSteps]


class ViewAgent(Agent[AgentDependencies]):
    """Agent that folds its topics into the views."""

    __slots__ = ()


class ViewSteps:
    """Steps: decode -> look up existing creates -> project -> apply to the durable views."""

    def __init__(self, services: AgentDependencies, topic: str) -> None:
        self._services = services
        self._topic = topic

    def decode(self, batches: Sequence[RecordSlice]) -> tuple[Batch, list[Rejected]]:
        return decode_and_validate(Records.joined(batches), self._topic, self._services.lookup)

    def project(self, batch: Batch) -> Projected:
        creators = self._services.sink.creators
        return project(
            batch, {content: creators(content, ids) for content, ids in facts_needed(batch).items()}
        )

    def apply(self, projected: Projected) -> None:
        self._services.sink.apply(projected.effects)

    @property
    def steps(self) -> AgentSteps:
        return Steps(self.decode, self.project, self.apply, id_conflict)


def id_conflict(batch: RecordSlice, index: int) -> Rejected:
    """Return the rejection of the record at `index`, which creates an id already taken."""
    return Rejected(
        Records.joined([batch]).record(index),
        ErrorCode.ID_CONFLICT,
        VALIDITY_STAGE,
        "IdConflictError",
        "another event created this id",
    )


def view_steps(services: AgentDependencies, topic: str) -> AgentSteps:
    """Return the steps of a topic that changes only durable views."""
    return ViewSteps(services, topic).steps
