"""Publish events with acks from every in-sync replica: the SDK and the CLI beside a bare loop.

`bare` is what people write instead: a confluent-kafka loop that encodes dictionaries with fastavro
and judges nothing. `sdk` is `EventProducer.publish` of events; `cli` is what `storyline publish`
does with a file of JSON lines, beside `bare-json`, the bare loop that also parses them. All have
the same settings of librdkafka and publish the same generated events to the same topics, by turns
in one process, after a round that is not counted. CPU is this process's, with librdkafka's threads.
"""

import io
import resource
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final

import fastavro
import orjson
from confluent_kafka import KafkaError, Message, Producer

from bench.report import Report, by_turns
from streams.app.events.json_lines import lines_of
from streams.app.events.publish import LineError, LinePublisher
from streams.app.settings import Settings
from streams.contracts.catalog import schemas, topic_of
from streams.contracts.events import Event
from streams.contracts.json_codec import to_json
from streams.generate.network import Network
from streams.generate.world import Plan
from streams.kafka.schema_registry import SchemaRegistry
from streams.producer import PARTITIONER, EventProducer

SERVERS: Final = ("kafka", "registry")
_START: Final = 1_735_689_600_000
_EVENTS: Final = {"tiny": 300, "small": 20_000, "full": 50_000}
_ROUNDS: Final = {"tiny": 1, "small": 3, "full": 5}

Fields = dict[str, Any]


class Bare:
    """Writes dictionaries to the log and judges nothing."""

    def __init__(self, settings: Settings, names: Iterable[str]) -> None:
        registry = SchemaRegistry(settings.registry_url)
        self._topics = {name: topic_of(name) for name in names}
        self._schemas = {name: fastavro.parse_schema(dict(schemas()[name])) for name in names}
        self._heads = {
            name: b"\0" + registry.schema_id(topic.name, name).to_bytes(4, "big")
            for name, topic in self._topics.items()
        }
        self._producer = Producer(
            {
                "bootstrap.servers": settings.bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": PARTITIONER,
                "compression.type": "lz4",
                "linger.ms": 5,
                "queue.buffering.max.messages": 50_000,
                "log_level": 0,
            }
        )

    def __call__(self, events: Iterable[tuple[str, Fields]]) -> None:
        for name, fields in events:
            out = io.BytesIO()
            out.write(self._heads[name])
            fastavro.schemaless_writer(out, self._schemas[name], fields)
            topic = self._topics[name]
            self._send(topic.name, str(fields[topic.key]).encode(), out.getvalue())
        if self._producer.flush(60):
            raise TimeoutError("not everything was acknowledged")

    def _send(self, topic: str, key: bytes, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=_acknowledged)
            except BufferError:
                self._producer.poll(0.05)
            else:
                self._producer.poll(0)
                return


def _acknowledged(error: KafkaError | None, _: Message) -> None:
    if error is not None:
        raise RuntimeError(error.str())


def _parsed(lines: Iterable[bytes]) -> Iterator[tuple[str, Fields]]:
    """JSON lines whose ids and times are numbers, for nothing converts them."""
    for line in lines:
        fields = orjson.loads(line)
        yield fields.pop("type"), fields


def contenders(
    settings: Settings, sdk: EventProducer, events: list[Event], folder: Path
) -> Mapping[str, Callable[[], None]]:
    """What publishes the events, by name; everything is prepared but the publishing."""
    plain = [(type(event).__name__, _plain(event)) for event in events]
    bare = Bare(settings, {name for name, _ in plain})
    numbers = [orjson.dumps({"type": name, **fields}) for name, fields in plain]
    file = folder / "events.jsonl"
    file.write_bytes(b"".join(orjson.dumps(to_json(event)) + b"\n" for event in events))

    def publish_events() -> None:
        for event in events:
            sdk.publish(event)
        sdk.flush()

    def publish_lines() -> None:
        publisher = LinePublisher(sdk.publish, sdk.mint, _refused)
        with file.open("rb") as stream:
            for line in lines_of(stream):
                publisher.line(line)
        sdk.flush()

    return {
        "bare": lambda: bare(plain),
        "sdk": publish_events,
        "bare-json": lambda: bare(_parsed(numbers)),
        "cli": publish_lines,
    }


def _plain(event: Event) -> Fields:
    fields = asdict(event)
    return {name: list(one) if isinstance(one, tuple) else one for name, one in fields.items()}


def _refused(error: LineError) -> None:
    raise ValueError(error.message)


def run(report: Report, size: str, settings: Settings) -> None:
    count = _EVENTS[size]
    events = list(Network(Plan(users=1000, events=count, seed=1, start=_START)))
    with (
        tempfile.TemporaryDirectory(prefix="storyline-bench-") as folder,
        EventProducer(settings.bootstrap, settings.registry_url, node=1001) as sdk,
    ):
        publishers = contenders(settings, sdk, events, Path(folder))
        rates = {name: partial(_rate, publish, count) for name, publish in publishers.items()}
        by_turns(rates, 1)
        for name, found in by_turns(rates, _ROUNDS[size]).items():
            report.figure(name, "events/CPU s", *found)
    report.ratio("sdk", "bare", at_least=1)  # validation is free
    report.ratio("cli", "bare-json", at_least=1)


def _rate(publish: Callable[[], None], events: int) -> float:
    began = _cpu()
    publish()
    return events / (_cpu() - began)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
