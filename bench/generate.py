"""Measure the generator: events a CPU second and peak memory, at several sizes of network.

    python bench/generate.py 1000 100000 1000000 --limit 300000

Each size runs in a process of its own and draws the first events of a whole week (60 a user).
`drawn` only draws events; `lines` also writes them as JSON lines to the null device.
"""

import argparse
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

from streams.generate.network import Network
from streams.generate.outlets import JsonLines
from streams.generate.world import Plan

START = 1_735_689_600_000


def measure(users: int, limit: int, mode: str) -> str:
    """One line of the table, about this process."""
    began = time.process_time()
    network = Network(Plan(users=users, events=users * 60, seed=1, start=START))
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
    peak = int(status.split("VmHWM:")[1].split()[0]) // 1024
    return f"{users:>9,}  {mode}  {count:>9,}  {count / spent:>8,.0f}  {ready:>5.1f}  {peak:>5}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("users", type=int, nargs="+")
    parser.add_argument("--limit", type=int, default=300_000)
    parser.add_argument("--mode", choices=("drawn", "lines"))
    options = parser.parse_args()
    if options.mode:
        print(measure(options.users[0], options.limit, options.mode))
        return
    print("    users  mode      events  per CPU s  start s  peak MiB")
    for users in options.users:
        for mode in ("drawn", "lines"):
            command = [sys.executable, __file__, str(users), f"--limit={options.limit}"]
            subprocess.run([*command, f"--mode={mode}"], check=True)


if __name__ == "__main__":
    main()
