"""Stacks of their own for tests: free ports, a short home, the settings that name them."""

import itertools
import os
import random
from pathlib import Path

from streams.app.settings import Ports, Settings
from streams.stack.checks import is_free

_BELOW_EPHEMERAL = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, outside the range that clients are given.

    Tests that run side by side draw from shares of their own: between the look and the server's
    start, another's could take the port.
    """
    share = _BELOW_EPHEMERAL[_worker_number() :: _workers()]
    candidates = random.sample(share, len(share))
    return list(itertools.islice(filter(is_free, candidates), count))


def _workers() -> int:
    return int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


def _worker_number() -> int:
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def own_settings(home: Path) -> Settings:
    """Settings of a stack that disturbs no other."""
    names = list(Ports.model_fields)
    ports = Ports(**dict(zip(names, free_ports(len(names)), strict=True)))
    return Settings(home=home, ports=ports)
