"""Rejections of single records by a store or by an operator, not by a decoder."""

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

from streams.record import Record, RecordPosition
from streams.runtime.consumer.raw_batch import RawBatch
from streams.runtime.monitoring.blockages import shortened

STORE_REFUSED = "store_refused"
OPERATOR_REJECTED = "operator_rejected"
_STAGE = "TASK_PUT"
"""Kafka Connect's name of the stage in which a sink takes a record."""


class RejectedRecord(NamedTuple):
    """A record that goes to the dead letter queue although it can be decoded, or may be."""

    record: Record
    code: str
    stage: str
    error: str
    message: str


class Decisions(Protocol):
    """Operators' decisions, for one consumer group, to put records into the dead letter queue."""

    def refresh(self) -> None:
        """Read decisions made since the last call. May return at once if that was a moment ago."""
        ...

    def of(self, topic: str) -> Mapping[RecordPosition, str]:
        """Return position -> reason of a topic's rejected records."""
        ...


class NoDecisions:
    """Decisions of a group that no operator decides for."""

    def refresh(self) -> None:
        """Read nothing."""

    def of(self, topic: str) -> Mapping[RecordPosition, str]:  # noqa: ARG002
        """Return an empty mapping."""
        return {}


def store_refusal(batch: RawBatch, error: Exception) -> RejectedRecord:
    """Return the rejection of a batch's only record, which quotes the store's own message."""
    return RejectedRecord(
        _record(batch, 0), STORE_REFUSED, _STAGE, type(error).__name__, shortened(error)
    )


def split_decided(
    batches: Sequence[RawBatch], decided: Mapping[RecordPosition, str]
) -> tuple[list[RawBatch], list[RejectedRecord]]:
    """Return the batches without the records that operators rejected, and those records."""
    kept: list[RawBatch] = []
    rejected: list[RejectedRecord] = []
    for batch in batches:
        offsets = (at.offset for at in decided if at.partition == batch.partition)
        found = (batch.find(offset) for offset in offsets)
        indexes = sorted(index for index in found if index is not None)
        rejected += [_by_operator(_record(batch, index), decided) for index in indexes]
        rest = _without(batch, indexes)
        if rest is not None:
            kept.append(rest)
    return kept, rejected


def _by_operator(record: Record, decided: Mapping[RecordPosition, str]) -> RejectedRecord:
    reason = decided[record.position]
    return RejectedRecord(record, OPERATOR_REJECTED, _STAGE, "OperatorRejectedError", reason)


def _without(batch: RawBatch, indexes: Collection[int]) -> RawBatch | None:
    """Return the batch without some records; `None` if that leaves none."""
    if not indexes:
        return batch
    left = [index for index in range(len(batch)) if index not in set(indexes)]
    return batch.pick(left) if left else None


def _record(batch: RawBatch, index: int) -> Record:
    return next(islice(batch.records(Record), index, None))
