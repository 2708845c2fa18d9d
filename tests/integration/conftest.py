"""What tests of the stores and of their supervision share."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from streams.stack.service import Service, Worker
from streams.stack.stack import Stack
from tests.integration.valkey import Valkey
from tests.supervised import Make, processes
from tests.toys import toy_stack


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
        *services: Service, home: Path | None = None, workers: Iterable[Worker] = ()
    ) -> Stack:
        stack = toy_stack(home or tmp_path / f"home-{len(made)}", *services, workers=workers)
        made.append(stack)
        return stack

    yield build
    for stack in made:
        stack.down()
        assert not processes(stack), "down left a process behind"
