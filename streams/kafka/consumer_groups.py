"""Lag of consumer groups, and a wait until they have nothing left to read."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

_CONNECT_S = 5.0
_TIMEOUT_S = 10.0
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_STARTING = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    # of a topic that was created a moment ago
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
}


def _is_starting(error: BaseException) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() in _STARTING


_once_started = retry(
    retry=retry_if_exception(_is_starting),
    wait=wait_fixed(0.5),
    stop=stop_after_delay(_TIMEOUT_S),
    reraise=True,
)


class PartitionLag(NamedTuple):
    """Offsets of a group in one partition; `committed` is `None` before any commit."""

    group: str
    topic: str
    partition: int
    committed: int | None
    start: int
    end: int
    applied: int | None = None
    """The offset after the last record that the group's own store holds, if it keeps offsets."""

    @property
    def position(self) -> int:
        """The offset that the group reads next."""
        return max(self.start, (self.committed or 0) if self.applied is None else self.applied)

    @property
    def lag(self) -> int:
        """Number of offsets between the position and the end of the log."""
        return max(0, self.end - self.position)


class LogEnds(NamedTuple):
    """A topic's own id, and its partitions."""

    topic_id: str
    partitions: tuple[int, ...]


class StalledError(Exception):
    """Error of a wait in which the workers did not finish in time."""


class Progress:
    """Client that queries one broker about groups and topics.

    Methods raise KafkaException if the broker does not answer.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self._groups: dict[str, Consumer] = {}

    def lag(self, groups: Mapping[str, Iterable[str]]) -> list[PartitionLag]:
        """Return the lag of every partition of each group's topics; `groups` is group -> topics.

        Commits are read before log ends: a lag of zero was true at the moment of the commit.
        """
        partitions = self._partitions({topic for topics in groups.values() for topic in topics})
        committed = {
            group: self.committed(
                group, [(topic, tp.partition) for topic in topics for tp in partitions[topic]]
            )
            for group, topics in groups.items()
        }
        everything = [tp for of_topic in partitions.values() for tp in of_topic]
        ends = self._offsets(everything, _LATEST)
        starts = self._offsets(everything, _EARLIEST)
        return [
            PartitionLag(group, *key, committed[group].get(key), starts[key], ends[key])
            for group, topics in groups.items()
            for topic in topics
            for key in ((topic, tp.partition) for tp in partitions[topic])
        ]

    def sizes(self, topics: Iterable[str]) -> dict[str, int]:
        """Return each topic's number of records, counted by the offsets that it holds."""
        partitions = self._partitions(set(topics))
        everything = [tp for of_topic in partitions.values() for tp in of_topic]
        ends = self._offsets(everything, _LATEST)
        starts = self._offsets(everything, _EARLIEST)
        sizes = dict.fromkeys(partitions, 0)
        for partition, end in ends.items():
            sizes[partition[0]] += end - starts[partition]
        return sizes

    def ends(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """Return (topic, partition) -> the offset that its next record will have."""
        partitions = self._partitions(set(topics))
        return self._offsets([tp for of_topic in partitions.values() for tp in of_topic], _LATEST)

    def logs(self, topics: Iterable[str]) -> dict[str, LogEnds]:
        """Return each topic's id and partitions; a topic that was created again has another id."""
        futures = self._admin.describe_topics(
            TopicCollection(sorted(topics)), request_timeout=_TIMEOUT_S
        )
        described = {topic: future.result() for topic, future in futures.items()}
        return {
            topic: LogEnds(str(log.topic_id), tuple(partition.id for partition in log.partitions))
            for topic, log in described.items()
        }

    def missing(self, topics: Iterable[str]) -> list[str]:
        """Return the topics that the broker does not have, in order."""
        known = self._admin.list_topics(timeout=_CONNECT_S).topics
        return sorted(set(topics) - set(known))

    def _partitions(self, topics: set[str]) -> dict[str, list[TopicPartition]]:
        known = self._admin.list_topics(timeout=_CONNECT_S).topics
        return {
            topic: [TopicPartition(topic, number) for number in sorted(known[topic].partitions)]
            for topic in sorted(topics & set(known))
        } | {topic: [] for topic in topics - set(known)}

    @_once_started
    def committed(
        self, group: str, partitions: Collection[tuple[str, int]]
    ) -> dict[tuple[str, int], int]:
        """Return (topic, partition) -> the offset that the group reads next, if it has committed.

        It is one request, once the group's coordinator is known.
        """
        # A consumer that never joins asks for them: while a group's coordinator is still loading,
        # AdminClient.list_consumer_group_offsets of librdkafka 2.16 ends the process.
        if group not in self._groups:
            config = {"group.id": group, "enable.auto.commit": False, "log_level": 0}
            self._groups[group] = Consumer({"bootstrap.servers": self._bootstrap, **config})
        requested = [TopicPartition(*partition) for partition in partitions]
        commits = self._groups[group].committed(requested, timeout=_TIMEOUT_S)
        return {(tp.topic, tp.partition): tp.offset for tp in commits if tp.offset >= 0}

    @_once_started
    def _offsets(
        self, partitions: Sequence[TopicPartition], which: OffsetSpec
    ) -> dict[tuple[str, int], int]:
        if not partitions:
            return {}
        futures = self._admin.list_offsets(
            dict.fromkeys(partitions, which), request_timeout=_TIMEOUT_S
        )
        return {(tp.topic, tp.partition): f.result().offset for tp, f in futures.items()}


def wait_until_idle(
    lag_of: Callable[[Sequence[str]], Sequence[PartitionLag]],
    stages: Sequence[Sequence[str]],
    *,
    timeout_s: float,
    poll_s: float = 0.25,
    report: Callable[[Sequence[PartitionLag]], None] = lambda _: None,
) -> None:
    """Wait until no group of any stage has anything left to read.

    The wait goes through the stages in order, because a later one reads what an earlier one
    writes, and repeats that until two rounds in a row find no lag.

    Args:
        lag_of: Returns the lags of a stage's groups.
        stages: Groups of each stage.
        timeout_s: Seconds after which the wait fails.
        poll_s: Seconds between two reads of a stage's lags.
        report: Receives the lags each time they are read; an exception from it ends the wait.

    Raises:
        StalledError: Groups still have lag after `timeout_s` seconds.
    """
    deadline = time.monotonic() + timeout_s
    quiet_rounds = 0
    while quiet_rounds < 2:
        quiet_rounds += 1
        for stage in stages:
            while lags := _left(lag_of(stage), report):
                if time.monotonic() >= deadline:
                    raise StalledError(_stalled(lags, timeout_s))
                quiet_rounds = 0
                time.sleep(poll_s)


def _left(
    lags: Sequence[PartitionLag], report: Callable[[Sequence[PartitionLag]], None]
) -> list[PartitionLag]:
    report(lags)
    return [lag for lag in lags if lag.lag]


def _stalled(lags: Sequence[PartitionLag], timeout_s: float) -> str:
    left = sum(lag.lag for lag in lags)
    groups = ", ".join(sorted({lag.group for lag in lags}))
    return f"{left} records are left after {timeout_s:.0f} s ({groups})"
