"""What tests of the stores and of their supervision share."""

import fcntl
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.lake import Lake
from jobs.run import run_once
from streams.app.lake import run as lake_app
from streams.app.settings import settings
from streams.cli import main as cli
from streams.stack.service import Service, WorkerService
from streams.stack.stack import Stack
from tests.integration.valkey import Valkey
from tests.support.lake_command import Command
from tests.support.small_lake import fill
from tests.support.supervised_stacks import Make, processes
from tests.support.toy_programs import toy_stack


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A module's own Valkey server."""
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.close()


@pytest.fixture
def valkey(process: Valkey) -> Valkey:
    """The server, empty."""
    process.client.flushall()
    return process


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes stacks, and takes down each at the end."""
    made: list[Stack] = []

    def build(
        *services: Service, home: Path | None = None, workers: Iterable[WorkerService] = ()
    ) -> Stack:
        stack = toy_stack(home or tmp_path / f"home-{len(made)}", *services, workers=workers)
        made.append(stack)
        return stack

    yield build
    for stack in made:
        stack.down()
        assert not processes(stack), "down left a process behind"


@pytest.fixture(scope="session")
def small_lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake whose star is up to bronze; tests change copies of it only.

    The processes of one run share it: a minute of a core.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    whole, lake = shared / "small-lake-is-whole", shared / "small-lake" / "delta"
    with (shared / "small-lake.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            fill(lake)
            run_once(spark, Lake(str(lake)))
            whole.touch()
    return lake


@pytest.fixture
def command(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Command]:
    """Run `storyline lake …` on the lake `delta` of `tmp_path`, in this process and its Spark."""
    monkeypatch.setenv("STORYLINE_HOME", str(tmp_path))
    settings.cache_clear()

    @contextmanager
    def here(*_: object) -> Iterator[SparkSession]:
        yield spark

    monkeypatch.setattr(lake_app, "lake_session", here)

    def run(*arguments: str) -> int | str | None:
        monkeypatch.setattr(sys, "argv", ["storyline", "lake", *arguments])
        try:
            cli.main()
        except SystemExit as end:
            return end.code
        return 0

    yield run
    settings.cache_clear()
