"""What the cases of the store suite share: the fixtures, and stamps and ids that are hard."""

import random
from abc import ABC, abstractmethod
from typing import Any

import pytest

from streams.contracts.ids import MAX_ID
from streams.views.effects import Effects, Stamp
from tests.contract.store_events import MS_2024, Clock, Scope, Store

MAX64 = (1 << 63) - 1
STAMPS = {
    # each is larger than the one before
    "time": (Stamp(MS_2024, 9), Stamp(MS_2024 + 1, 1)),
    "event": (Stamp(MS_2024, 1), Stamp(MS_2024, 2)),
    "large events": (Stamp(MS_2024, 255), Stamp(MS_2024, 256), Stamp(MS_2024, MAX_ID)),
    "ended": (Stamp(MS_2024, 5, False), Stamp(MS_2024, 5, True)),
    "ended earlier": (Stamp(MS_2024, 5, True), Stamp(MS_2024, 6, False)),
    "before 1970": (Stamp(-2, 9), Stamp(-1, 1), Stamp(0, 1)),
    "absurd past": (Stamp(-MAX64 - 1, 9), Stamp(-MAX64, 1), Stamp(-1, 1)),
    "absurd future": (Stamp(MS_2024, 9), Stamp(MAX64 - 1, 9), Stamp(MAX64, 1)),
}
EVENT_IDS = ((1, 2), (1, MAX_ID), (MAX_ID - 1, MAX_ID), (1 << 32, (1 << 32) + 1))
orders = pytest.mark.parametrize("backwards", [False, True], ids=["in order", "backwards"])
all_stamps = pytest.mark.parametrize("stamps", STAMPS.values(), ids=STAMPS.keys())
all_event_ids = pytest.mark.parametrize(("first", "second"), EVENT_IDS)


def apply_each(store: Store, kind: str, effects: list[Any]) -> None:
    """One batch per effect."""
    for effect in effects:
        store.apply(Effects(**{kind: [effect]}))


class StoreCases(ABC):
    """Subclassed once per store; ids are of the test's own range, so stores may be shared."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    @abstractmethod
    def store(self, clock: Clock) -> Store:
        """The store, told the time by `clock`."""

    @pytest.fixture
    def scope(self) -> Scope:
        seed = random.SystemRandom().getrandbits(32)
        print(f"scope seed {seed}")
        return Scope(seed)
