"""Waits until the workers have applied the log up to given offsets."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from streams.agents.base import ViewAgent
from streams.agents.registry import AGENTS
from streams.app.settings import Settings
from streams.app.stores import answering_broker, no_topic
from streams.contracts.catalog import topics
from streams.errors import UserError
from streams.kafka.consumer_groups import Progress
from streams.record import RecordPosition, TopicPartition

_POLL_S: Final = 0.05
_POSTS, _DELIVERY = "posts", "delivery"

Ends = Mapping[TopicPartition, int]
"""(topic, partition) -> the offset after the last record to wait for."""
Report = Callable[[str], None]


def wait_for_records(
    settings: Settings, positions: Sequence[RecordPosition], *, timeout_s: float, report: Report
) -> None:
    """Wait until the views contain these records, so that writers read their own writes.

    Args:
        settings: Settings that name the broker and the views.
        positions: Positions of the records.
        timeout_s: Seconds to wait at most.
        report: Called with a line of text that names the group and its number of records left.

    Raises:
        UserError: no view is made of a record's topic, the log has no such record, or a group has
            not applied the records in `timeout_s`.
    """
    unread = {position.topic for position in positions if not _agents_of({position.topic})}
    if unread:
        read = ", ".join(topic for topic in topics() if _agents_of({topic}))
        raise UserError(
            f"no view is made of {', '.join(sorted(unread))}",
            hint=f"views are made of {read}",
            exit_code=2,
        )
    ends: dict[TopicPartition, int] = {}
    for topic, partition, offset in positions:
        ends[topic, partition] = max(offset + 1, ends.get((topic, partition), 0))
    with answering_broker(settings) as broker:
        _require(broker, positions)
        _wait(settings, broker, ends, timeout_s, report)


def wait_until_applied(settings: Settings, ends: Ends, *, timeout_s: float, report: Report) -> None:
    """Wait until the views contain everything that the log holds below `ends`.

    The groups that read these topics must have committed `ends`. If `posts` is one of them, then
    `delivery`, which reads what `posts` writes, must have no lag.

    Args:
        settings: Settings that name the broker and the views.
        ends: Offset after the last record to wait for, per topic and partition.
        timeout_s: Seconds to wait at most.
        report: Called with a line of text that names the group and its number of records left.

    Raises:
        UserError: a group, which the message names, lags after `timeout_s`.
    """
    with answering_broker(settings) as broker:
        _wait(settings, broker, ends, timeout_s, report)


def _wait(
    settings: Settings, broker: Progress, ends: Ends, timeout_s: float, report: Report
) -> None:
    deadline = time.monotonic() + timeout_s
    for agent, left in _waits(settings, broker, ends):
        while records := left():
            if time.monotonic() >= deadline:
                raise UserError(
                    f"consumer group {agent} is {records} records behind",
                    hint="is it running? see `storyline lag` and `storyline logs`; or wait "
                    "longer (--timeout of verify, STORYLINE_READ_WAIT_S of reads)",
                )
            report(f"waiting for the group {agent}: {records} records left")
            time.sleep(_POLL_S)


def _waits(
    settings: Settings, broker: Progress, ends: Ends
) -> Iterator[tuple[str, Callable[[], int]]]:
    """Yield agents, upstream first, each with a function that returns its records left."""
    agents = _agents_of({topic for topic, _ in ends})
    for agent in agents:
        own = {tp: end for tp, end in ends.items() if tp[0] in AGENTS[agent].topics}
        yield agent, partial(_behind, broker, settings.group(agent), own)
    if _POSTS in agents:
        yield _DELIVERY, partial(_lag, broker, settings.group(_DELIVERY))


def _behind(broker: Progress, group: str, ends: Ends) -> int:
    committed = broker.committed(group, ends)
    return sum(max(0, end - committed.get(tp, 0)) for tp, end in ends.items())


def _lag(broker: Progress, group: str) -> int:
    return sum(lag.lag for lag in broker.lag({group: AGENTS[_DELIVERY].topics}))


def _agents_of(read: Collection[str]) -> Sequence[str]:
    """Return the agents that make views of any of these topics."""
    return [
        name
        for name, agent in AGENTS.items()
        if isinstance(agent, ViewAgent) and not set(agent.topics).isdisjoint(read)
    ]


def _require(broker: Progress, positions: Sequence[RecordPosition]) -> None:
    """Raise UserError if a position is in no topic or partition, or after its partition's end."""
    requested = {position.topic for position in positions}
    if missing := broker.missing(requested):
        raise no_topic(missing)
    ends = broker.ends(requested)
    for position in positions:
        end = ends.get((position.topic, position.partition))
        if end is None or position.offset >= end:
            raise UserError(
                f"the log has no record {position}",
                hint=f"{position.topic} has no partition {position.partition}"
                if end is None
                else f"that partition ends before offset {end}",
                exit_code=2,
            )
