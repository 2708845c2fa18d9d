"""Files in which workers announce their address: of live workers only."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from streams.app.run_files import run_file, worker_tallies
from streams.runtime.endpoint import Health, serve
from streams.runtime.metrics import Metrics
from streams.runtime.tallies import Tally
from tests.local_stack import free_ports

GROUP, TOPIC = "storyline-v1-posts", "social.posts.v1"


@pytest.fixture
def url() -> str:
    """The address of a worker of GROUP that has counted something, and answers."""
    metrics = Metrics(GROUP)
    metrics.consumed(TOPIC, 9)
    metrics.applied(TOPIC, 5)
    metrics.duplicates(TOPIC, 2)
    metrics.dead_letter(TOPIC, "bad_frame")
    port = serve("127.0.0.1", 0, metrics.registry, lambda: Health(GROUP))
    return f"http://127.0.0.1:{port}/metrics"


def files(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "run" / "workers").iterdir())


def killed(home: Path) -> None:
    """What a worker leaves that is killed: its file, and an address that refuses."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    (port,) = free_ports(1)
    announced = {"group": GROUP, "pid": process.pid, "metrics": f"http://127.0.0.1:{port}/metrics"}
    folder = home / "run" / "workers"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{GROUP}.{process.pid}.json").write_bytes(orjson.dumps(announced))


def test_file_of_a_killed_worker_is_removed(tmp_path: Path) -> None:
    killed(tmp_path)
    assert worker_tallies(tmp_path) == []
    assert files(tmp_path) == []


def test_live_worker_is_found_beside_a_killed_one(tmp_path: Path, url: str) -> None:
    killed(tmp_path)
    with run_file(tmp_path, GROUP, url):
        (found,) = worker_tallies(tmp_path)
        assert files(tmp_path) == [f"{GROUP}.{os.getpid()}.json"]
    assert (found.group, found.pid, found.topic) == (GROUP, os.getpid(), TOPIC)
    assert found.tally == Tally(9, 5, 2, {"bad_frame": 1})
    assert not found.tally.balanced


def test_worker_that_ends_takes_its_file_with_it(tmp_path: Path, url: str) -> None:
    with pytest.raises(RuntimeError, match="any"), run_file(tmp_path, GROUP, url):
        raise RuntimeError("any")
    assert files(tmp_path) == []
    assert worker_tallies(tmp_path) == []


def test_home_without_workers_has_no_tallies(tmp_path: Path) -> None:
    assert worker_tallies(tmp_path) == []
