"""What tests of the stores share."""

from collections.abc import Iterator

import pytest

from tests.integration.valkey import Valkey


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
