"""Delivery tasks of one batch: each page that a task asks for is served, each once."""

import pytest

from streams.agents.delivery_tasks import task_of
from streams.views.timeline_cache import Delivery
from tests.unit.agents.test_agents import AUTHOR, NOW, READERS, TOPIC, World, a_post

PAGE = 5


@pytest.fixture
def world() -> World:
    world = World(inline=PAGE, page=PAGE)
    world.warm()
    return world


def test_pages_of_one_post_in_one_batch_are_all_served(world: World) -> None:
    post = a_post()
    tasks = [
        task_of(Delivery(AUTHOR, post.post_id, 0, cursor), NOW)
        for cursor in (0, READERS[PAGE - 1], READERS[2 * PAGE - 1])
    ]
    assert world.consume("delivery", TOPIC, tasks) == (3, 0)
    assert world.holding(post.post_id) == 3 * PAGE


def test_tasks_of_other_posts_and_authors_are_their_own(world: World) -> None:
    first, second = a_post(), a_post(NOW)
    tasks = [task_of(Delivery(AUTHOR, post.post_id, 0, 0), NOW) for post in (first, second)]
    tasks.append(task_of(Delivery(AUTHOR + 1, first.post_id, 0, 0), NOW))
    assert world.consume("delivery", TOPIC, tasks) == (3, 0)
    assert world.holding(first.post_id) == world.holding(second.post_id) == PAGE


def test_same_task_in_a_batch_twice_is_a_duplicate(world: World) -> None:
    post = a_post()
    task = task_of(Delivery(AUTHOR, post.post_id, 0, 0), NOW)
    assert world.consume("delivery", TOPIC, [task, task]) == (1, 1)
    assert world.holding(post.post_id) == PAGE
    (rest,) = world.tasks
    assert (rest.post_id, rest.cursor) == (post.post_id, READERS[PAGE - 1])
