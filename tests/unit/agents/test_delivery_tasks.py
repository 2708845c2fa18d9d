"""Delivery tasks: the same rest of a delivery is the same event."""

from hypothesis import given
from hypothesis import strategies as st

from streams.agents.delivery_tasks import delivery_of, task_of
from streams.contracts.catalog import topic_of
from streams.contracts.ids import MAX_ID
from streams.views.timeline_cache import Delivery
from streams.views.timeline_limits import TimelineLimits

ids = st.integers(1, MAX_ID)
deliveries = st.builds(Delivery, ids, ids, st.integers(0, 1023), st.integers(0, MAX_ID))


@given(deliveries, st.integers(0, 2**41), st.integers(0, 2**41))
def test_task_is_identified_by_its_content(rest: Delivery, then: int, later: int) -> None:
    task, again = task_of(rest, then), task_of(rest, later)
    assert delivery_of(task) == rest
    assert task.event_id == again.event_id
    assert 0 < task.event_id <= MAX_ID
    assert (task.occurred_at, again.occurred_at) == (then, later)


@given(st.lists(deliveries, min_size=2, unique=True))
def test_different_tasks_have_different_ids(rests: list[Delivery]) -> None:
    assert len({task_of(rest, 0).event_id for rest in rests}) == len(rests)


def test_an_id_does_not_change_with_the_release() -> None:
    assert task_of(Delivery(1, 2, 3, 4), 0).event_id == 3_557_401_158_931_067_687


def test_tasks_outlive_the_timelines_that_wait_for_them() -> None:
    limits = TimelineLimits()
    longest_life_ms = (limits.loading_s + limits.complete_s) * 1000
    assert topic_of("DeliveryTask").retention_ms >= longest_life_ms
