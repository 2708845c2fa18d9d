"""python -m bench NAME [--size small|full] [--json FILE] [--running]"""

import argparse
import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from bench.report import Report
from bench.servers import running_servers, servers

BENCHMARKS: Final = {
    "ingest": "from the broker to a fold: a worker, plain Faust, consumer loops",
    "decode": "Avro to judged columns: fastavro, pyruhvro alone, the decoder",
    "publish": "events into the broker: the SDK, the CLI, a bare loop",
    "bronze": "from the broker into a Delta table: the lake worker, a bare loop",
    "scd2": "a micro-batch of profile changes: re-deriving, a plain MERGE",
    "questions": "every question of `storyline ask` on a lake of generated facts",
    "fanout": "posts onto followers' timelines: our delivery, sorted sets, a bare append",
    "fanout-line": "the same from the log on: the workers that deliver, and Redis",
    "giant": "a post by an author with a million followers, and what others wait meanwhile",
    "memory": "bytes in Redis of a timeline's entry and of a reader on a delivery list",
    "feed": "a warm page of the home feed, beside one round trip to Redis",
    "cold": "a page whose timeline is gone, by how many authors are followed",
    "hit-rates": "a day of reads and writes: what is found in the caches",
    "tray": "a story tray, beside one round trip to Redis and beside Cassandra alone",
    "hot-partition": "one celebrity's stories: Cassandra, more readers of it, the cache",
    "viewers": "a page of who viewed a story that very many did, beside one round trip to Redis",
    "counts": "counts of contents small and very large while likes and views go on",
    "line": "the whole line in an open loop: CPU by process, freshness, rates that it holds",
    "durable": "rows into and out of the durable views",
    "generate": "the synthetic network: events and memory by its size",
    "load": "edge lists and Jetstream lines into events",
}
SIZES: Final = ("tiny", "small", "full")
"""tiny: does it work?; small: under a minute, mostly; full: the figures of docs/benchmarks.md."""


def module_of(name: str) -> ModuleType:
    """What measures: SERVERS that it needs, and run(report, size, settings)."""
    return importlib.import_module(f"bench.{name.replace('-', '_')}")


def measured(
    name: str, size: str, *, running: bool = False, arguments: Sequence[str] = ()
) -> dict[str, Any]:
    """Run a benchmark, print its table, and return what scripts read.

    The servers are the benchmark's own, or those that the settings name if they are `running`.
    `arguments` are options of this benchmark alone, which has an `options` to read them.
    """
    module = module_of(name)
    report = Report(name, size, (module.__doc__ or "").splitlines()[0])
    of = running_servers if running else servers
    with of(module.SERVERS) as settings:
        own = (arguments,) if hasattr(module, "options") else ()
        module.run(report, size, settings, *own)
    return report.json()


def main() -> None:
    listed = "\n".join(f"  {name:<15}{about}" for name, about in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=f"Measure by comparison, each on servers of its own.\n\n{listed}",
        epilog="`line` has options of its own: docs/benchmarks.md has them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=(*BENCHMARKS, "all"), metavar="NAME", help="or: all")
    parser.add_argument("--size", choices=SIZES, default="small", help="default: small")
    parser.add_argument("--json", type=Path, metavar="FILE", help="one line for each benchmark")
    parser.add_argument(
        "--running",
        action="store_true",
        help="use the servers that already run, whose other work and data the figures include",
    )
    options, others = parser.parse_known_args()
    names = BENCHMARKS if options.name == "all" else (options.name,)
    if others:
        if options.name == "all" or not hasattr(module_of(options.name), "options"):
            parser.error(f"unrecognized arguments: {' '.join(others)}")
        module_of(options.name).options(others)  # exits at once if they are wrong
    found = [
        measured(name, options.size, running=options.running, arguments=others) for name in names
    ]
    if options.json:
        options.json.write_text("".join(f"{json.dumps(one)}\n" for one in found), encoding="utf-8")


if __name__ == "__main__":
    main()
