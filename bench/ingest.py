"""From the broker to a fold: events per CPU second of a worker, plain Faust and consumer loops.

Each program reads a topic from its beginning in a process of its own and counts events by the id of
their content; CPU seconds are those of the whole process, from the assignment of the partitions to
the last record. The slow ones read fewer records.

worker         the runtime: batches of one partition, decoded and judged in columns, folded
undecoded      the same, the pipeline only counting records
faust          a Faust agent the documented way: `async for`, fastavro
loop           a loop over confluent-kafka's consumer, fastavro
consume        the same, only counting records
getmany        a loop over aiokafka's getmany that only counts records

Of the first kind, workers also read a sixteenth and a quarter: an event must not cost more where
there are more of them.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from typing import Final, NamedTuple

from confluent_kafka.admin import AdminClient, NewTopic

from bench.events import KINDS, publish, schema_id
from bench.report import Report, by_turns
from streams.app.settings import Settings
from streams.app.stack import environment

SERVERS: Final = ("kafka", "registry")
_PARTITIONS: Final = 8
_PARTS: Final = (1, 4, 16)
_UNIT: Final = "events/CPU s"


class _Size(NamedTuple):
    records: int
    slow: Mapping[str, int]
    """Program -> how many records it reads instead."""
    runs: int


_SIZES: Final = {
    "tiny": _Size(1600, {}, 1),
    "small": _Size(320_000, {"faust": 20_000, "loop": 160_000}, 3),
    "full": _Size(2_000_000, {"faust": 100_000, "loop": 1_000_000}, 3),
}
_PROGRAMS: Final = ("worker", "undecoded", "faust", "loop", "consume", "getmany")


def run(report: Report, size: str, settings: Settings) -> None:
    for name in KINDS:
        topic = f"bench.{name}.{time.time_ns()}"
        admin = AdminClient({"bootstrap.servers": settings.bootstrap, "log_level": 0})
        for made in admin.create_topics([NewTopic(topic, _PARTITIONS, 1)]).values():
            made.result(30)
        try:
            _measure(report, _SIZES[size], settings, name, topic)
        finally:
            for gone in admin.delete_topics([topic]).values():
                gone.exception(30)


def _measure(report: Report, size: _Size, settings: Settings, name: str, topic: str) -> None:
    def rate(program: str, records: int) -> Callable[[], float]:
        return partial(_rate, settings, program, topic, name, records)

    messages = KINDS[name].messages(schema_id(settings, KINDS[name]))
    there = 0
    grows = name == next(iter(KINDS))
    for part in _PARTS if grows else _PARTS[-1:]:
        records = size.records * part // _PARTS[-1]
        publish(settings, topic, islice(messages, records - there))
        there = records
        if grows:
            rates = [rate("worker", there)() for _ in range(size.runs)]
            report.figure(f"{name}: worker, {part}x the work", _UNIT, *rates)
    if grows:
        report.ratio(f"{name}: worker, 16x the work", f"{name}: worker, 1x the work", at_least=0.9)
    programs = {each: rate(each, size.slow.get(each, there)) for each in _PROGRAMS}
    for program, found in by_turns(programs, size.runs).items():
        report.figure(f"{name}: {program}", _UNIT, *found)
    report.goal(f"{name}: worker", at_least=200_000)
    report.ratio(f"{name}: worker", f"{name}: faust", at_least=30)
    report.ratio(f"{name}: worker", f"{name}: loop", at_least=3)
    report.ratio(f"{name}: undecoded", f"{name}: getmany", at_least=0.7)
    report.ratio(f"{name}: undecoded", f"{name}: consume")


def _rate(settings: Settings, program: str, topic: str, kind: str, records: int) -> float:
    """Events per CPU second of a program, in a process of its own."""
    command = [sys.executable, "-m", "bench.ingest_programs", program, topic, kind, str(records)]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | environment(settings),
    )
    told = json.loads(done.stdout.splitlines()[-1])
    return float(told["read"] / told["cpu_s"])
