"""Arithmetic of `line`: percentiles, CPU by process, rates that are held, and catching up."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

FRESH_S: Final = 1.0
"""A rate is held only if 99 of 100 changes are visible within this time."""
FEW: Final = 100
"""So few uncommitted records are no backlog at any rate."""
BACKLOG_S: Final = 2.0
"""Records of so many seconds may be uncommitted at the end of a held rate: workers commit each
second, and the batch in flight is not committed."""


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` (0 to 1) of the values do not exceed (nearest rank).

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def percentile_of_counts(values: Sequence[tuple[float, int]], share: float) -> float:
    """Return the nearest rank as `percentile` does, of values that each occur some times.

    Args:
        values: Values, and how often each occurs.
        share: Share (0 to 1) of all occurrences.

    Raises:
        ValueError: There are no values.
    """
    rank = math.ceil(share * sum(count for _, count in values))
    for value, count in sorted(values):
        rank -= count
        if rank <= 0:
            return value
    raise ValueError("no values")


class Process(NamedTuple):
    """CPU seconds that a process has used since its start, and its resident bytes."""

    pid: int
    cpu_s: float
    bytes: int


Processes = Mapping[str, Process]
"""Name of a program -> its process."""


def cores(before: Processes, after: Processes, seconds: float) -> dict[str, float]:
    """Return the CPU seconds per second that each program used between two looks.

    A program that was started in between counts from its start.

    Args:
        before: Processes at the first look.
        after: Processes at the second.
        seconds: Seconds between the two.
    """

    def spent(name: str, now: Process) -> float:
        then = before.get(name)
        return now.cpu_s - then.cpu_s if then and then.pid == now.pid else now.cpu_s

    return {name: spent(name, now) / seconds for name, now in after.items()}


class Batches(NamedTuple):
    """Batches of a worker since its start, or per second."""

    batches: float
    records: float
    seconds: float
    """From the assembly of each batch to its acknowledgement, all batches together."""

    def since(self, before: "Batches | None", seconds: float) -> "Batches":
        """Return the batches and records per second since an earlier look.

        A worker that was started in between counts from its start.
        """
        if before is None or before.batches > self.batches:
            before = Batches(0, 0, 0)
        return Batches(*((now - then) / seconds for now, then in zip(self, before, strict=True)))


_COUNTERS: Final = re.compile(
    r"^storyline_batch_(records_count|records_sum|seconds_sum)\{[^}]*\} (\S+)$", re.MULTILINE
)


def batches(metrics: str) -> Batches:
    """Return the batches of all topics of a worker, from its answer to Prometheus."""
    found = {"records_count": 0.0, "records_sum": 0.0, "seconds_sum": 0.0}
    for name, value in _COUNTERS.findall(metrics):
        found[name] += float(value)
    return Batches(*found.values())


class Costs(NamedTuple):
    """Cost of a program: cores that it uses at any rate, and CPU seconds for each event."""

    fixed: float
    per_event: float


def costs(low: tuple[float, float], high: tuple[float, float]) -> Costs:
    """Return the line through two measurements, each a rate (events per second) and cores.

    What batches, polls and commits cost is fixed as long as their number does not depend on the
    rate, which is so while a batch waits for time and not for size.
    """
    (rate, used), (higher, more) = low, high
    per_event = (more - used) / (higher - rate)
    return Costs(used - per_event * rate, per_event)


def is_held(offered: float, kept: bool, p99_s: float, backlog: float) -> bool:
    """Return whether the line held a rate.

    Args:
        offered: Events per second.
        kept: Whether the generator itself kept the rate.
        p99_s: 99th percentile of the freshness of posts, in seconds.
        backlog: Records that the workers of the views had left at the end.
    """
    return kept and p99_s < FRESH_S and backlog <= max(FEW, offered * BACKLOG_S)


class Sample(NamedTuple):
    """Records that are left at some time (seconds), and the CPU seconds of all programs so far."""

    at: float
    left: int
    cpu_s: float


class CatchUp(NamedTuple):
    """Records folded per second, and CPU seconds per record."""

    per_s: float
    cpu_s: float


def catch_up_rates(looks: Sequence[Sequence[Sample]]) -> list[CatchUp]:
    """Return how fast each of some backlogs was folded.

    The count begins when any of them begins to shrink, so that the start of the workers does not
    count, but the first batch of the lake does, which may hold the whole backlog.

    Args:
        looks: For each backlog, looks at it in order of time, all at the same times, until nothing
            is left.
    """
    begin = min(_before_progress(samples) for samples in looks)
    return [_caught_up(samples, samples[begin]) for samples in looks]


def _before_progress(samples: Sequence[Sample]) -> int:
    """Return the index of the last look before the backlog became smaller than at the first."""
    return next(place for place, one in enumerate(samples) if one.left < samples[0].left) - 1


def _caught_up(samples: Sequence[Sample], begin: Sample) -> CatchUp:
    end = next(one for one in samples if not one.left)
    return CatchUp(begin.left / (end.at - begin.at), (end.cpu_s - begin.cpu_s) / begin.left)
