"""Arithmetic of the benchmark of the whole line."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.line_figures import (
    Batches,
    Process,
    Sample,
    batches,
    catch_up_rates,
    cores,
    costs,
    is_held,
    percentile,
    percentile_of_counts,
)


def test_percentile_is_the_nearest_rank() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile(values, 1) == 100
    assert percentile(values, 0) == 1


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_percentile_of_one_value_is_the_value(share: float) -> None:
    assert percentile([7.0], share) == 7


def test_99_of_60_probes_is_the_slowest() -> None:
    assert percentile([0.1] * 59 + [3.0], 0.99) == 3


@pytest.mark.parametrize("of", [percentile, percentile_of_counts])
def test_percentile_of_nothing_is_refused(of: Callable[[list[Any], float], float]) -> None:
    with pytest.raises(ValueError, match="no values"):
        of([], 0.5)


@pytest.mark.parametrize("share", [0, 0.3, 0.31, 0.5, 0.99, 1])
def test_percentile_of_counts_is_that_of_each_occurrence(share: float) -> None:
    counts = [(0.5, 20), (0.1, 30), (2.0, 1), (0.2, 49)]
    values = [value for value, count in counts for _ in range(count)]
    assert percentile_of_counts(counts, share) == percentile(values, share)


def test_cores_are_cpu_seconds_between_two_looks_by_second() -> None:
    before = {"kafka": Process(1, 10.0, 0), "lake": Process(2, 5.0, 0)}
    after = {"kafka": Process(1, 13.0, 0), "lake": Process(2, 5.5, 0)}
    assert cores(before, after, 10) == pytest.approx({"kafka": 0.3, "lake": 0.05})


def test_restarted_program_counts_from_its_start() -> None:
    before = {"posts": Process(7, 100.0, 0)}
    after = {"posts": Process(8, 2.0, 0), "expire": Process(9, 1.0, 0)}
    assert cores(before, after, 2) == pytest.approx({"posts": 1.0, "expire": 0.5})


def test_costs_are_split_into_fixed_and_by_event() -> None:
    found = costs((500, 0.3), (2000, 0.45))
    assert found.fixed == pytest.approx(0.25)
    assert found.per_event == pytest.approx(0.0001)


def test_program_that_ignores_events_has_fixed_costs_alone() -> None:
    found = costs((500, 0.02), (2000, 0.02))
    assert found == (0.02, 0)


def test_a_few_records_are_no_backlog() -> None:
    assert is_held(0, True, 0.1, 100)
    assert not is_held(0, True, 0.1, 101)


METRICS = """# TYPE storyline_batch_records histogram
storyline_batch_records_bucket{group="g",le="1.0",topic="a"} 5.0
storyline_batch_records_count{group="g",topic="a"} 10.0
storyline_batch_records_sum{group="g",topic="a"} 250.0
storyline_batch_records_count{group="g",topic="b"} 2.0
storyline_batch_records_sum{group="g",topic="b"} 3.0
storyline_batch_seconds_count{group="g",topic="a"} 99.0
storyline_batch_seconds_sum{group="g",topic="a"} 1.5
storyline_batch_seconds_sum{group="g",topic="b"} 0.25
"""


def test_batches_of_all_topics_of_a_worker_are_counted() -> None:
    assert batches(METRICS) == (12, 253, 1.75)
    assert batches("") == (0, 0, 0)


def test_batches_are_counted_by_second() -> None:
    assert Batches(30, 400, 5).since(Batches(10, 100, 1), 10) == (2, 30, 0.4)


def test_batches_of_a_restarted_worker_count_from_its_start() -> None:
    assert Batches(5, 50, 2).since(Batches(10, 100, 9), 5) == (1, 10, 0.4)
    assert Batches(5, 50, 2).since(None, 5) == (1, 10, 0.4)


@pytest.mark.parametrize(
    ("kept", "p99_s", "backlog", "held"),
    [
        (True, 0.99, 2000, True),
        (False, 0.99, 2000, False),  # the generator was too slow: nothing is known
        (True, 1.0, 2000, False),
        (True, 0.99, 2001, False),
    ],
)
def test_rate_is_held_if_kept_fresh_and_without_backlog(
    kept: bool, p99_s: float, backlog: float, held: bool
) -> None:
    assert is_held(1000, kept, p99_s, backlog) is held


def test_catching_up_does_not_count_the_start_of_workers() -> None:
    start = [Sample(0, 1000, 0), Sample(10, 1000, 8)]
    steady = [Sample(10 + n, 1000 - 100 * n, 8 + n) for n in range(1, 11)]
    (found,) = catch_up_rates([start + steady])
    assert found.per_s == pytest.approx(100)
    assert found.cpu_s == pytest.approx(0.01)


def test_backlogs_that_are_folded_together_count_from_the_first_progress_of_any() -> None:
    views = [Sample(0, 100, 0), Sample(5, 100, 5), Sample(6, 90, 6), Sample(15, 0, 15)]
    lake = [Sample(0, 200, 0), Sample(5, 200, 5), Sample(6, 200, 6), Sample(15, 0, 15)]
    found = catch_up_rates([views, lake])
    assert [one.per_s for one in found] == [10, 20]
    assert [one.cpu_s for one in found] == [0.1, 0.05]


def test_looks_after_a_backlog_is_folded_do_not_count() -> None:
    (found,) = catch_up_rates([[Sample(0, 50, 0), Sample(5, 0, 1), Sample(9, 0, 9)]])
    assert found == (10, 0.02)
