"""Where running workers tell their metrics address, so that other commands find them."""

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import orjson

from streams.runtime.tallies import Tally, tallies


class WorkerTally(NamedTuple):
    """What a running worker has counted for one topic."""

    group: str
    pid: int
    topic: str
    tally: Tally


def _folder(home: Path) -> Path:
    return home.expanduser().absolute() / "run" / "workers"


@contextmanager
def run_file(home: Path, group: str, metrics_url: str) -> Iterator[None]:
    """Announce this process as a worker of `group` while the context lasts."""
    folder = _folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{group}.{os.getpid()}.json"
    written = path.with_suffix(".part")
    written.write_bytes(orjson.dumps({"group": group, "pid": os.getpid(), "metrics": metrics_url}))
    written.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def worker_tallies(home: Path) -> list[WorkerTally]:
    """The counters of every worker that runs under this home and answers."""
    found: list[WorkerTally] = []
    for path in sorted(_folder(home).glob("*.json")):
        try:
            told = orjson.loads(path.read_bytes())
            with urllib.request.urlopen(told["metrics"], timeout=5) as answer:  # noqa: S310
                text = answer.read().decode()
        except FileNotFoundError:
            continue
        except (urllib.error.URLError, ConnectionError):
            path.unlink(missing_ok=True)  # of a worker that was killed
            continue
        found += [
            WorkerTally(told["group"], told["pid"], topic, tally)
            for topic, tally in tallies(text).items()
        ]
    return found
