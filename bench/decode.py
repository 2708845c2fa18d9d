"""Avro to columns: events per CPU second of fastavro, pyruhvro alone, and the decoder.

All of them decode the same values in memory, in batches of one schema, by turns in one process.

fastavro   schemaless_reader of each value, behind its header: a dictionary of each
pyruhvro   the values without their headers, cut off before the clock starts, into Arrow columns:
           neither headers nor text are checked, nothing is resolved or judged
cut        the same, with the headers cut off one by one, as they must be
decode     the decoder: headers checked, the writer's schema resolved, columns checked, positions
read       the same, and every event judged: what a worker does with a fetched batch
"""

import io
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple

import fastavro
import pyruhvro

from bench.events import KINDS, Kind, Message
from bench.report import Report, by_turns
from streams.app.settings import Settings
from streams.contracts import codec, decoder
from streams.contracts.catalog import schemas
from streams.contracts.records import Records
from streams.runtime.consumer.raw_batch import RawBatch

SERVERS: Final = ()
_BATCH: Final = 10_000
_ID: Final = 300
_HEADER: Final = 5
_UNIT: Final = "events/CPU s"

Values = Sequence[bytes]


class _Size(NamedTuple):
    """Records that the slow one and the fast ones decode in a run, and runs."""

    slow: int
    fast: int
    runs: int


_SIZES: Final = {
    "tiny": _Size(500, 1000, 1),
    "small": _Size(20_000, 200_000, 3),
    "full": _Size(100_000, 2_000_000, 5),
}


def run(report: Report, size: str, settings: Settings) -> None:  # noqa: ARG001 - needs no server
    slow, fast, runs = _SIZES[size]
    for name, kind in KINDS.items():
        contenders: dict[str, Callable[[], float]] = {
            each: partial(_rate, decode, fast) for each, decode in _fast(kind, fast).items()
        }
        contenders["fastavro"] = partial(_rate, _fastavro(kind, slow), slow)
        for contender, rates in by_turns(contenders, runs).items():
            report.figure(f"{name}: {contender}", _UNIT, *rates)
        report.ratio(f"{name}: read", f"{name}: fastavro", at_least=10)
        report.ratio(f"{name}: read", f"{name}: pyruhvro", at_least=0.6)
        report.ratio(f"{name}: read", f"{name}: cut")
        report.ratio(f"{name}: decode", f"{name}: pyruhvro")


def _rate(decode: Callable[[], int], records: int) -> float:
    """Events per CPU second; the decoder goes over its batch until it has seen so many."""
    began, left = time.process_time(), records
    while left > 0:
        left -= decode()
    return (records - left) / (time.process_time() - began)


def _messages(kind: Kind, count: int) -> list[Message]:
    return list(islice(kind.messages(_ID), min(count, _BATCH)))


def _fastavro(kind: Kind, count: int) -> Callable[[], int]:
    schema: Any = fastavro.parse_schema(dict(schemas()[kind.record_type]))
    values = [message.value for message in _messages(kind, count)]

    def decode() -> int:
        for value in values:
            fastavro.schemaless_reader(io.BytesIO(value[_HEADER:]), schema, None)
        return len(values)

    return decode


def _fast(kind: Kind, count: int) -> dict[str, Callable[[], int]]:
    messages, text = _messages(kind, count), json.dumps(schemas()[kind.record_type])
    keys, values = [list(column) for column in zip(*messages, strict=True)]
    bodies, size = [value[_HEADER:] for value in values], len(values)
    now = time.time_ns() // 1_000_000
    batch = RawBatch(kind.topic, 0, range(size), [now] * size, keys, values, [()] * size)
    lookup = {_ID: text}.get

    def alone(bodies: Values) -> int:
        return len(pyruhvro.deserialize_array(bodies, text))

    def ours(how: Callable[..., Any]) -> int:
        found, rejected = how(Records.joined([batch]), kind.topic, lookup)
        assert not rejected
        return len(found)

    return {
        "pyruhvro": partial(alone, bodies),
        "cut": lambda: alone([value[_HEADER:] for value in values]),
        "decode": partial(ours, codec.decode),
        "read": partial(ours, decoder.decode_and_validate),
    }
