"""Rejection by hand: puts one record into the dead letter queue of one consumer group."""

from typing import NamedTuple

from streams.agents.base import ViewAgent
from streams.agents.registry import AGENTS
from streams.app.lake.position import first_records
from streams.app.settings import Settings
from streams.app.workers.lag import partition_lag
from streams.app.workers.run import check_topics
from streams.app.workers.run_files import worker_reports
from streams.dlq.decisions import ACTIONS_TOPIC
from streams.dlq.operator_decisions import decisions_of, rejection_message
from streams.errors import UserError
from streams.kafka.consumer_groups import PartitionLag
from streams.record import RecordPosition
from streams.runtime.producer import AckedProducer, MessageRefusedError, ProducerUnavailableError

_CLIENT = "storyline-dlq"
_ASK_S = 1.0


class RejectableRecord(NamedTuple):
    """A record that a group has still to apply."""

    position: RecordPosition
    group: str
    """Full name of the consumer group."""
    target: str
    """Dead letter topic or table into which the group's worker will write the record."""
    waited_at: bool
    """Whether a running worker waits at this record now."""
    decided: str | None
    """Reason of a decision that was recorded before; `None` if there is no such decision."""


def rejectable(settings: Settings, position: RecordPosition, agent: str) -> RejectableRecord:
    """Return what is known of a record that an operator wants to reject.

    Args:
        settings: Settings that name the broker and the group's views.
        place: Position of the record in its source topic.
        agent: Name of the agent whose consumer group is to reject the record.

    Raises:
        UserError: the group does not exist or does not read the topic, the log has no such
            record, or the group has already applied it.
    """
    if agent not in AGENTS:
        raise UserError(
            f"there is no group {agent}", hint=f"the groups are: {', '.join(AGENTS)}", exit_code=2
        )
    if position.topic not in AGENTS[agent].topics:
        raise UserError(
            f"the group {agent} does not read {position.topic}",
            hint=f"it reads {', '.join(AGENTS[agent].topics)}",
            exit_code=2,
        )
    check_topics(settings, {position.topic, ACTIONS_TOPIC})
    lag = partition_lag(settings, agent, position.topic, position.partition)
    if lag is None or not _is_record(settings, position, lag):
        raise UserError(
            f"the log has no record {position}",
            hint=f"{position.topic} has no partition {position.partition}"
            if lag is None
            else f"partition {position.partition} holds offsets {lag.start} to {lag.end - 1}",
        )
    if position.offset < lag.position:
        raise UserError(
            f"the group {agent} is past {position}: it goes on at offset {lag.position}",
            hint="what is applied cannot be taken back; publish an event that corrects it",
        )
    group = settings.group(agent)
    is_view = isinstance(AGENTS[agent], ViewAgent)
    try:
        decided = decisions_of(settings.bootstrap, group, position.topic)
    except ProducerUnavailableError as error:
        raise UserError(str(error), hint="try again") from error
    return RejectableRecord(
        position,
        group,
        f"{position.topic}.dlq" if is_view else "the lake's table quarantine",
        any(
            waiting.exact and (waiting.topic, waiting.partition, waiting.offset) == position
            for report in worker_reports(settings.home, within_s=_ASK_S)
            for waiting in report.waiting
            if report.group == group
        ),
        decided.get(position),
    )


def reject(settings: Settings, record: RejectableRecord, reason: str) -> None:
    """Record the decision, and return once the broker has acknowledged it.

    Raises:
        UserError: the broker does not acknowledge the decision.
    """
    try:
        producer = AckedProducer(settings.bootstrap, client_id=_CLIENT)
        producer.send([rejection_message(record.position, record.group, reason)])
    except (MessageRefusedError, ProducerUnavailableError) as error:
        raise UserError(
            f"the broker did not acknowledge the decision: {error}",
            hint="run it again: a decision that is recorded twice is one decision",
        ) from error


def _is_record(settings: Settings, position: RecordPosition, lag: PartitionLag) -> bool:
    """Return whether the offset holds a record, not the marker of a transaction."""
    if not lag.start <= position.offset < lag.end:
        return False
    partition = (position.topic, position.partition)
    found = first_records(settings.bootstrap, {partition: position.offset}, {partition: lag.end})
    return found[partition] == position.offset
