"""Stacks of their own for tests: free ports, a short home, the settings that name them."""

import itertools
import random
from pathlib import Path

from streams.app.settings import Ports, Settings
from streams.stack.checks import is_free

_BELOW_EPHEMERAL = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, outside the range that clients are given."""
    candidates = random.sample(_BELOW_EPHEMERAL, len(_BELOW_EPHEMERAL))
    return list(itertools.islice(filter(is_free, candidates), count))


def own_settings(home: Path) -> Settings:
    """Settings of a stack that disturbs no other."""
    names = list(Ports.model_fields)
    ports = Ports(**dict(zip(names, free_ports(len(names)), strict=True)))
    return Settings(home=home, ports=ports)
