"""Agent of the lake: every source topic as it came, one row per record, into the bronze tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import structlog

from streams.agents.base import Agent, AgentSteps, id_conflict
from streams.contracts.batch import ErrorCode, Rejected
from streams.contracts.bronze import USERS_TOPIC
from streams.contracts.cdc import read_changes
from streams.contracts.codec import SchemaLookup
from streams.contracts.decoder import decode_and_validate
from streams.contracts.records import Records
from streams.contracts.tables import BRONZE
from streams.record import Record, RecordPosition
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.dead_letters.reporter import Rejection
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.processing.pipeline import Steps
from streams.sinks.delta.landing import Landing
from streams.sinks.delta.rows import bronze_rows

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LakeDependencies:
    """Dependencies of the lake agent."""

    landings: Mapping[str, Landing]
    """Topic -> the landing that writes its tables."""
    lookup: SchemaLookup


@dataclass(slots=True)
class _Rows:
    """Batch as rows; the numbers of new and of known rows are set once they are written."""

    rows: pa.Table
    applied: int = 0
    duplicates: int = 0
    conflicts: Sequence[RecordPosition] = field(default=())


class LakeSteps:
    """Steps of a lake topic: decode, as every other agent does -> rows -> one commit.

    Nothing is a conflict here: two events that create one id are two records.
    """

    def __init__(self, services: LakeDependencies, topic: str) -> None:
        self._lookup = services.lookup
        self._topic = topic
        self._landing = services.landings[topic]
        self._reported_columns: frozenset[str] = frozenset()

    def decode(self, batches: Sequence[RawBatch]) -> tuple[pa.Table, list[Rejected]]:
        if self._topic == USERS_TOPIC:
            return self._decode_changes(batches)
        batch, rejected = decode_and_validate(Records.joined(batches), self._topic, self._lookup)
        return bronze_rows(batch), rejected

    def project(self, rows: pa.Table) -> _Rows:
        return _Rows(rows)

    def apply(self, rows: _Rows) -> None:
        rows.applied, rows.duplicates = self._landing.land(rows.rows)

    def _decode_changes(self, batches: Sequence[RawBatch]) -> tuple[pa.Table, list[Rejected]]:
        records = [record for batch in batches for record in batch.records(Record)]
        changes = read_changes(records, self._lookup)
        if new := changes.unknown_columns - self._reported_columns:
            self._reported_columns |= new
            log.warning(
                "columns that this version does not know are left out",
                topic=self._topic,
                columns=sorted(new),
            )
        return changes.rows, changes.rejected


class Quarantine:
    """Dead letter sink of the lake, in place of the dead letter topic.

    The live groups report the same record to the dead letter topic. A record that the lake already
    has counts as a duplicate.
    """

    def __init__(self, landing: Landing, metrics: Metrics) -> None:
        self._landing = landing
        self._metrics = metrics

    def report(self, rejections: Sequence[Rejection], class_name: str) -> None:  # noqa: ARG002
        written = self._landing.quarantine([_rejected(rejection) for rejection in rejections])
        for rejection in written:
            self._metrics.dead_letter(rejection.record.topic, str(rejection.code))
        if known := len(rejections) - len(written):
            self._metrics.duplicates(rejections[0].record.topic, known)


def _rejected(rejection: Rejection) -> Rejected:
    """Return a rejection in the form of the quarantine; one made by the runtime has no `change`."""
    if isinstance(rejection, Rejected):
        return rejection
    return Rejected(
        rejection.record,
        ErrorCode(rejection.code),
        rejection.stage,
        rejection.error,
        rejection.message,
    )


class LakeAgent(Agent[LakeDependencies]):
    """Agent that lands its topics in the lake."""

    __slots__ = ()


def _steps(services: LakeDependencies, topic: str) -> AgentSteps:
    steps = LakeSteps(services, topic)
    return Steps(steps.decode, steps.project, steps.apply, id_conflict)


LAKE = LakeAgent(topics=tuple(BRONZE), steps=_steps)
