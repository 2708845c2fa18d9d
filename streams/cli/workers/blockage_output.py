"""Output of the records that workers wait at, for `lag` and `status`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from streams.cli.common.output import print_table
from streams.contracts.times import rfc3339

if TYPE_CHECKING:
    from streams.app.workers.run_files import WaitingRecord


def agent_of(group: str) -> str:
    """Return the agent's name: the group's name without prefix and version of the views."""
    return group.split("-", 2)[-1]


def print_waiting(waiting: "Sequence[WaitingRecord]") -> None:
    """Print one row per record, with the start, length and reason of the wait."""
    print_table(
        ("group", "record", "since", "seconds", "step", "why"),
        (
            (
                agent_of(record.group),
                _position(record),
                rfc3339(datetime.fromtimestamp(record.since, UTC)),
                f"{record.seconds:.0f}",
                record.step,
                record.reason,
            )
            for record in waiting
        ),
        title="Waiting at a record",
    )


def _position(record: "WaitingRecord") -> str:
    position = f"{record.topic}:{record.partition}:{record.offset}"
    return position if record.exact else f"{position} or later"
