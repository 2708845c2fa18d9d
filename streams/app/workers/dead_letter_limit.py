"""The dead letter limit of the settings, and the error when it stops a worker."""

from streams.app.settings import Settings
from streams.contracts.batch import ErrorCode
from streams.contracts.catalog import topics
from streams.errors import NEEDS_A_PERSON, UserError
from streams.record import RecordPosition
from streams.runtime.dead_letters.limit import DeadLetterLimit, DeadLetterLimitError
from streams.runtime.dead_letters.limit_guard import DeadLetterLimitGuard
from streams.runtime.monitoring.metrics import Metrics

COUNTED = frozenset(
    {
        ErrorCode.BAD_FRAME,
        ErrorCode.UNKNOWN_SCHEMA,
        ErrorCode.DECODE_ERROR,
        ErrorCode.UNKNOWN_TYPE,
        ErrorCode.INVALID_EVENT,
        ErrorCode.STORE_REFUSED,
    }
)
"""Error codes that a broken deployment causes. The other codes are about single events, whose time
or id contradicts what is known otherwise."""


def guard(settings: Settings, topic: str, metrics: Metrics) -> DeadLetterLimitGuard:
    """Return the guard that enforces the settings' limit on a topic's dead letters."""
    limit = DeadLetterLimit(
        ratio=settings.dead_letter_ratio,
        window=settings.dead_letter_window,
        minimum=settings.dead_letter_minimum,
        consecutive=settings.dead_letter_consecutive,
    )
    return DeadLetterLimitGuard(topic, metrics, limit, COUNTED)


def stopped_at_limit(group: str, error: DeadLetterLimitError) -> UserError:
    """Return the error of a group that reached the limit: what happened, where, and what to do."""
    return UserError(
        f"{group} stopped at its limit of dead letters: {error}",
        hint=f"look at them with: {_inspect_command(error.first)}; correct the producer, or what "
        "is deployed here, and start the worker again; if it is to go on all the same, "
        "start it with STORYLINE_DEAD_LETTER_CONSECUTIVE=0 STORYLINE_DEAD_LETTER_RATIO=0",
        exit_code=NEEDS_A_PERSON,
    )


def _inspect_command(first: RecordPosition) -> str:
    if first.topic in topics():
        return f"storyline tail {first.topic} --from {first.offset}"
    return "storyline cdc status"  # changes of accounts are no events
