"""Open-loop load for `line`: events made in advance, published at an offered rate.

`EventFile` writes encoded events to a file. This module run as a program publishes them in a
process of its own, each when it is due, whatever the line does with them: so the load costs next to
nothing while something is measured, and does not slow down when the line does.
"""

import json
import marshal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from confluent_kafka import Producer

from bench.line_figures import percentile_of_counts
from streams.app.broker import schema_registry
from streams.app.settings import Settings
from streams.contracts.catalog import key_of, topic_of
from streams.contracts.codec import encode
from streams.contracts.events import Event
from streams.producer import PARTITIONER

_CHUNK: Final = 1000
_TICK_S: Final = 0.005
"""Events that are due within this time are published together; the SDK lingers as long."""
_LATE_S: Final = 0.1
"""A generator whose events are later than this, 1 in 100, has not kept its rate."""

_Record = tuple[str, bytes, bytes]
"""Topic, key and value."""


class Load(NamedTuple):
    """Result of a generator."""

    offered: int
    """Events per second; `0`: as fast as it could."""
    sent: int
    seconds: float
    """Until the last event was published."""
    cpu_s: float
    late_s: float
    """99th percentile of the time by which events were published after they were due."""

    @property
    def kept(self) -> bool:
        """Whether the generator itself kept the offered rate."""
        return self.late_s < _LATE_S

    @property
    def cores(self) -> float:
        return self.cpu_s / self.seconds if self.seconds else 0.0


class EventFile:
    """Writer of events as encoded records, in order."""

    def __init__(self, settings: Settings) -> None:
        self._registry = schema_registry(settings)
        self._schema_ids: dict[str, int] = {}

    def write(
        self, path: Path, events: Iterator[Event], advance: Callable[[int], None] = lambda _: None
    ) -> int:
        """Write all events to a file and return their number.

        Args:
            path: File to write.
            events: Events in the order in which they are published.
            advance: Called with the number of events written so far.
        """
        written = 0
        with path.open("wb") as file:
            while chunk := [self._record(event) for event in islice(events, _CHUNK)]:
                marshal.dump(chunk, file)
                written += len(chunk)
                advance(written)
        return written

    def _record(self, event: Event) -> _Record:
        name = type(event).__name__
        topic = topic_of(name)
        if name not in self._schema_ids:
            self._schema_ids[name] = self._registry.schema_id(topic.name, name)
        key = key_of(name, {topic.key: getattr(event, topic.key)})
        return topic.name, key, encode(event, self._schema_ids[name])


class Generator:
    """Process that publishes a file of events; it connects at once and waits for `begin`."""

    def __init__(self, settings: Settings, path: Path, offered: int) -> None:
        """Start the process.

        Args:
            settings: Settings that name the broker.
            path: File that `EventFile` wrote.
            offered: Events per second; `0`: as fast as it can.
        """
        command = [sys.executable, "-m", "bench.line_load", str(path), settings.bootstrap]
        self._process = subprocess.Popen(
            [*command, str(offered)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    @property
    def pid(self) -> int:
        return self._process.pid

    def begin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def result(self, timeout_s: float = 600) -> Load:
        """Wait until every event is acknowledged."""
        try:
            printed, _ = self._process.communicate(timeout=timeout_s)
        finally:
            self._process.kill()
        assert self._process.returncode == 0
        return Load(**json.loads(printed))


def paced(
    records: Iterator[Any],
    offered: int,
    publish: Callable[[Any], None],
    *,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[int, float, float]:
    """Publish each record when it is due, and those that are due already at once.

    Args:
        records: Records to publish.
        offered: Records per second; `0`: all at once.
        publish: Publishes a record.
        pause: Waits for some seconds.
        clock: Seconds.

    Returns:
        Number of records, seconds until the last, and the 99th percentile of how late they were.
    """
    began, sent = clock(), 0
    lateness: list[tuple[float, int]] = []
    while True:
        elapsed = clock() - began
        count = max(0, int(elapsed * offered) + 1 - sent) if offered else _CHUNK
        batch = list(islice(records, count))
        for record in batch:
            publish(record)
        if len(batch) < count:
            break
        if offered and count:
            # The oldest of a tick stands for all of them.
            lateness.append((max(0.0, clock() - began - sent / offered), count))
        sent += count
        if offered:
            pause(max(_TICK_S, sent / offered - (clock() - began)))
    late_s = percentile_of_counts(lateness, 0.99) if lateness else 0.0
    return sent + len(batch), clock() - began, late_s


def _read_records(file: BinaryIO) -> Iterator[_Record]:
    while True:
        try:
            yield from marshal.load(file)  # noqa: S302 - this program's own file
        except EOFError:
            return


def main() -> None:
    path, bootstrap, offered = sys.argv[1:]
    failed: list[str] = []
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": PARTITIONER,
            "compression.type": "lz4",
            "linger.ms": 5,
            "queue.buffering.max.messages": 200_000,
            "delivery.report.only.error": True,
            "log_level": 0,
        }
    )

    def publish(record: _Record) -> None:
        topic, key, value = record
        while True:
            try:
                producer.produce(topic, value, key, on_delivery=on_delivery)
                return
            except BufferError:
                producer.poll(0.01)

    def on_delivery(error: Any, _: Any) -> None:
        failed.append(str(error))

    def pause(seconds: float) -> None:
        producer.poll(0)
        time.sleep(seconds)

    producer.list_topics(timeout=10)
    with Path(path).open("rb") as file:
        print("ready", flush=True)
        sys.stdin.readline()
        before = time.process_time()
        sent, seconds, late_s = paced(_read_records(file), int(offered), publish, pause=pause)
        left = producer.flush(300)
        cpu_s = time.process_time() - before
    if failed or left:
        raise RuntimeError(f"{left + len(failed)} events were not acknowledged: {failed[:1]}")
    load = Load(int(offered), sent, seconds, cpu_s, late_s)
    print(json.dumps(load._asdict()), flush=True)


if __name__ == "__main__":
    main()
