"""Hypothesis strategies: small random social networks, and the ways their events arrive."""

from tests.strategies.deliveries import deliveries
from tests.strategies.invalid import invalid_events
from tests.strategies.networks import networks
from tests.strategies.world import DAY, HOUR, START, WORLDS, World

__all__ = [
    "DAY",
    "HOUR",
    "START",
    "WORLDS",
    "World",
    "deliveries",
    "invalid_events",
    "networks",
]
