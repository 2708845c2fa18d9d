"""Thousands of seeded schedules: nothing lost, nothing twice, nothing stuck, memory bounded.

What is driven is the runtime itself: FetchRules, ConsumerRules, Positions, Batcher, Applier,
Pipeline, RetryPolicy, DeadLetterReporter, Metrics. What a schedule holds against it: records
delivered once and twice, late and in holes; processes killed at any moment, standing still past
the session's end, told to stop; rebalances in the midst of a batch and of each other; stores and
brokers that do not answer, errors that end a process, batches lost behind the fetcher. Judged at
each commit and at the end.

A failure prints the seed and every step. SIMULATION_SEED=N runs that schedule alone,
SIMULATION_SCHEDULES=N so many of them.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.quiet import quiet
from tests.simulation.schedule import Schedule
from tests.support.profiles import scaled

SCHEDULES = int(os.environ.get("SIMULATION_SCHEDULES", scaled(2000)))
TOGETHER = 50
SEED = os.environ.get("SIMULATION_SEED")
HAPPENINGS = (
    r"once more",
    r"makes the last \d fetches again",
    r"loses \('",
    r"ends: killed",
    r"ends: BugError",
    r"ends: MessageRefusedError",
    r"ends: a gap in what was read",
    r"is given up by the group",
    r"goes on",
    r"has stopped",
    r"the group rebalances",
    r"commits .*: True",
    r"commits .*: False",
    r"outage: store_down",
    r"outage: broker_down",
    r"errors: 0\.3",
)


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    with quiet():
        yield


def chunks() -> list[range]:
    if SEED is not None:
        return [range(int(SEED), int(SEED) + 1)]
    return [
        range(first, min(first + TOGETHER, SCHEDULES)) for first in range(0, SCHEDULES, TOGETHER)
    ]


@pytest.mark.parametrize("seeds", chunks(), ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
def test_whatever_befalls_it_every_event_is_applied_and_nothing_else(seeds: range) -> None:
    for seed in seeds:
        Schedule(seed).run()


def test_a_seed_repeats_a_run_to_the_last_step() -> None:
    """In other processes, too, where sets have another order."""

    def steps(hash_seed: int) -> str:
        return subprocess.run(
            [sys.executable, "-m", "tests.simulation", "7"],
            env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert len(steps(1).splitlines()) > 20
    assert steps(1) == steps(2)


def test_schedules_hold_what_they_promise() -> None:
    """Sixty of them are enough to meet everything that may happen."""
    failure, dead_letters = "", set[type]()
    for seed in range(60):
        schedule = Schedule(seed)
        schedule.run()
        failure += schedule.report()
        dead_letters |= set(map(type, schedule.world.store.dead_letters))
    assert [what for what in HAPPENINGS if not re.search(what, failure)] == []
    assert dead_letters == {int, tuple}  # events that conflict, and records that are no events
