"""Search, display, replay and discard of a deployment's dead letters."""

import base64
from collections.abc import Callable, Sequence
from typing import Any

from streams.app.broker import log_reader, schema_registry
from streams.app.settings import Settings
from streams.app.workers.run import agent_names, check_topics
from streams.contracts.batch import ErrorCode
from streams.contracts.catalog import DLQ_SUFFIX, topics
from streams.dlq.decisions import ACTIONS_TOPIC
from streams.dlq.model import DeadLetter
from streams.dlq.record_view import decode_for_display, view_json
from streams.dlq.replay import Replay, ReplayOutcome, Report, discard, replay
from streams.dlq.search import DeadLetterFilter, all_dead_letters, records_at, select
from streams.errors import UserError
from streams.record import RecordPosition
from streams.runtime.producer import AckedProducer

_CLIENT = "storyline-dlq"
_LAKE = "lake"


def check_names(criteria: DeadLetterFilter) -> None:
    """Raise UserError if no dead letter can have a topic, code, group or position of `criteria`."""
    dlq_topics = {position.topic for position in criteria.positions}
    sources = [name for name, spec in topics().items() if spec.dlq_retention_ms is not None]
    _known("topic", criteria.topics, sources)
    _known("dead letter topic", dlq_topics, [source + DLQ_SUFFIX for source in sources])
    _known("code", criteria.codes, [str(code) for code in ErrorCode])
    if _LAKE in criteria.groups:
        raise UserError(
            "the lake worker has no dead letters: what it refuses is in its table quarantine",
            hint="see: storyline lake status",
            exit_code=2,
        )
    agents = [name for name in agent_names() if name != _LAKE]
    _known("group", {name for name in criteria.groups if not name.startswith("storyline-")}, agents)


def find(
    settings: Settings, criteria: DeadLetterFilter, report: Callable[[str], None]
) -> tuple[list[DeadLetter], list[DeadLetter]]:
    """Find dead letters on the broker.

    Args:
        settings: Settings that name the broker.
        criteria: Filter of the dead letters.
        report: Called with the name of each step as it begins.

    Returns:
        The dead letters that match, and all dead letters of the topics that were read to find
        them.

    Raises:
        UserError: the filter names something that cannot exist, or the broker or a topic is
            missing.
    """
    check_names(criteria)
    check_topics(settings, {ACTIONS_TOPIC})
    dead_letters = all_dead_letters(log_reader(settings), criteria.sources, report)
    return select(dead_letters, criteria), dead_letters


def replay_dead_letters(
    settings: Settings, plan: Sequence[Replay], report: Report
) -> ReplayOutcome:
    """Replay the planned records, and record each replay in the log of decisions.

    Args:
        settings: Settings that name the broker.
        plan: Records to replay.
        report: Called with the number of records that are done so far.

    Raises:
        UserError: the broker does not acknowledge a record or a decision.
    """
    return replay(plan, log_reader(settings), _producer(settings).send, report)


def discard_dead_letters(
    settings: Settings, dead_letters: Sequence[DeadLetter], reason: str, report: Report
) -> None:
    """Record that the dead letters are discarded.

    Args:
        settings: Settings that name the broker.
        dead_letters: Dead letters to discard.
        reason: The operator's reason.
        report: Called with the number of dead letters that are done so far.

    Raises:
        UserError: the broker does not acknowledge a decision.
    """
    discard(dead_letters, reason, _producer(settings).send, report)


def details(settings: Settings, position: RecordPosition) -> dict[str, Any]:
    """Return the dead letter at `position` as `storyline tail` shows it, and its headers in order.

    Raises:
        UserError: retention has removed the dead letter.
    """
    for records in records_at(log_reader(settings), [position]):
        (view,) = decode_for_display(records, position.topic, schema_registry(settings).schema_text)
        return {**view_json(view), "headers": [_header(*header) for header in records[0].headers]}
    raise UserError(
        f"the dead letter at {position} was removed: its retention ended",
        hint="it can no longer be shown or replayed; `storyline dlq list` shows what is kept",
    )


def _header(name: str, value: bytes | None) -> dict[str, str | None]:
    try:
        return {"name": name, "value": None if value is None else value.decode()}
    except UnicodeDecodeError:
        return {"name": name, "value_base64": base64.b64encode(value or b"").decode()}


def _producer(settings: Settings) -> AckedProducer:
    return AckedProducer(settings.bootstrap, client_id=_CLIENT)


def _known(what: str, named: frozenset[str] | set[str], known: Sequence[str]) -> None:
    if unknown := sorted(named - set(known)):
        raise UserError(
            f"there is no {what} {', '.join(unknown)}",
            hint=f"there are: {', '.join(known)}",
            exit_code=2,
        )
