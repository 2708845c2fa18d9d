"""Foreign data into events: lines a CPU second and peak memory, at two lengths of input.

Each runs in a process of its own, from lines in memory to events that are dropped. `edges` are
pairs of 100,000 nodes; `jetstream` is 6 likes to 2 follows and 2 posts of 20,000 accounts, with its
mapping file on disk.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from bench.report import Report
from streams.app.settings import Settings
from streams.importers.edges import EdgeReader
from streams.importers.import_run import events_of_lines
from streams.importers.input_lines import InputLine
from streams.importers.jetstream import FOLLOW, LIKE, POST, JetstreamReader
from streams.importers.mapping import open_mapping
from streams.importers.report import ImportReport

SERVERS: Final = ()
_LINES: Final[dict[str, dict[str, tuple[int, ...]]]] = {
    "tiny": {"edges": (500,), "jetstream": (500,)},
    "small": {"edges": (20_000, 200_000), "jetstream": (5_000, 50_000)},
    "full": {"edges": (100_000, 1_000_000), "jetstream": (20_000, 200_000)},
}
_NODES: Final = 100_000
_ACCOUNTS: Final = 20_000
_BEGIN_US: Final = 1_740_830_400_000_000
_DAY_US: Final = 86_400_000_000
_TID: Final = "234567abcdefghijklmnopqrstuvwxyz"


def run(report: Report, size: str, settings: Settings) -> None:  # noqa: ARG001 - needs no server
    for kind, lengths in _LINES[size].items():
        for length in lengths:
            command = [sys.executable, "-m", "bench.load", kind, str(length)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            rate, peak = json.loads(done.stdout)
            report.figure(f"{kind}, {length:,} lines", "lines/CPU s", rate)
            report.figure(f"{kind}, {length:,} lines, peak memory", "MiB", peak)


def _edge_lines(rng: random.Random, count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"%d\t%d\n" % (rng.randrange(_NODES), rng.randrange(_NODES))


def _jetstream_lines(rng: random.Random, count: int) -> Iterator[bytes]:
    for number in range(count):
        at_us = _BEGIN_US + number * 997
        other = _did(rng)
        draw = rng.random()
        record: dict[str, Any]
        if draw < 0.6:
            collection, key = LIKE, _tid(_BEGIN_US - rng.randrange(_DAY_US))
            record = {"subject": {"cid": "bafyrei", "uri": f"at://{other}/{POST}/{key}"}}
        elif draw < 0.8:
            collection, record = FOLLOW, {"subject": other}
        else:
            collection, record = POST, {"text": "The tide turns at noon, they say. " * 3}
        commit: dict[str, Any] = {
            "rev": _tid(at_us),
            "operation": "create",
            "collection": collection,
        }
        commit |= {"rkey": _tid(at_us), "record": record, "cid": "bafyrei"}
        line = {"did": _did(rng), "time_us": at_us, "kind": "commit", "commit": commit}
        yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _did(rng: random.Random) -> str:
    return f"did:plc:{rng.randrange(_ACCOUNTS):024d}"


def _tid(at_us: int) -> str:
    value = at_us << 10
    return "".join(_TID[value >> 5 * place & 31] for place in range(12, -1, -1))


def _measured(kind: str, count: int) -> tuple[float, int]:
    """Return lines a CPU second, making them not counted, and the peak of this process in MiB."""
    rng = random.Random(1)
    raw = (_edge_lines if kind == "edges" else _jetstream_lines)(rng, count)
    making = 0.0

    def lines() -> Iterator[InputLine]:
        nonlocal making
        for number in range(1, count + 1):
            began = time.process_time()
            made = next(raw)
            making += time.process_time() - began
            yield InputLine(number, made)

    report = ImportReport()
    with (
        tempfile.TemporaryDirectory() as folder,
        open_mapping(Path(folder) / "ids.sqlite") as mapping,
    ):
        read = (
            EdgeReader(_BEGIN_US // 2000).read
            if kind == "edges"
            else JetstreamReader(mapping, report, _now_ms).read
        )
        began = time.process_time()
        for _ in events_of_lines(lines(), read, report, mapping, name=kind, now_ms=_now_ms):
            pass
        spent = time.process_time() - began - making
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return count / spent, int(status.split("VmHWM:")[1].split()[0]) // 1024


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    print(json.dumps(_measured(sys.argv[1], int(sys.argv[2]))))
