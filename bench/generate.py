"""The synthetic network: events a CPU second and peak memory, at several sizes of it.

Each size runs in a process of its own and draws the first events of a whole week (60 a user).
`drawn` only draws events; `lines` also writes them as JSON lines to the null device.
"""

import json
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Final

from bench.report import Report
from streams.app.settings import Settings
from streams.generate.event_writers import JsonLines
from streams.generate.network import Network
from streams.generate.world import Plan

SERVERS: Final = ()
_START: Final = 1_735_689_600_000
_USERS: Final = {
    "tiny": (100,),
    "small": (1000, 100_000),
    "full": (1000, 100_000, 1_000_000),
}
_EVENTS: Final = {"tiny": 1000, "small": 60_000, "full": 300_000}


def run(report: Report, size: str, settings: Settings) -> None:  # noqa: ARG001 - needs no server
    for users in _USERS[size]:
        for mode in ("drawn", "lines"):
            command = [sys.executable, "-m", "bench.generate", str(users), str(_EVENTS[size]), mode]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            rate, ready, peak = json.loads(done.stdout)
            report.figure(f"{users:,} users: {mode}", "events/CPU s", rate)
            report.figure(f"{users:,} users: {mode}, to the first event", "CPU s", ready)
            report.figure(f"{users:,} users: {mode}, peak memory", "MiB", peak)


def _measured(users: int, limit: int, mode: str) -> tuple[float, float, int]:
    """Events a CPU second after the first one, CPU seconds before it, and MiB of this process."""
    began = time.process_time()
    network = Network(Plan(users=users, events=users * 60, seed=1, start=_START))
    events = islice(network, limit)
    first = next(events)
    ready = time.process_time() - began
    began, count = time.process_time(), 1
    with Path("/dev/null").open("wb") as null:
        lines = JsonLines(null)
        lines.send(first)
        for event in events:
            if mode == "lines":
                lines.send(event)
            count += 1
        lines.flush()
    spent = time.process_time() - began
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return count / spent, ready, int(status.split("VmHWM:")[1].split()[0]) // 1024


if __name__ == "__main__":
    print(json.dumps(_measured(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
