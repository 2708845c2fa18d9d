"""Stories that end on real servers: each is told of once, soon, and after whatever happened."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from streams.app.broker import log_reader, schema_registry
from streams.app.settings import Settings
from streams.contracts.events import StoryCreated, StoryDeleted, StoryExpired
from streams.contracts.ids import id_time, make_id
from streams.dlq.record_view import decode_for_display
from streams.producer import EventProducer
from tests.support.workers import prepare, program, running_workers, skip_to_end, wait_until, worker

TOPIC = "social.stories.v1"
AUTHOR = 7_600_000_000_000_001
WITHIN_S = 60.0
EXPIRE = ("expire",)

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def settings(stack: Settings) -> Settings:
    """Views and groups of this module's own."""
    own = stack.model_copy(update={"views_version": "v76", "expire_poll_s": 0.5})
    prepare(own)
    skip_to_end(own, "stories")
    return own


@pytest.fixture
def producer(settings: Settings) -> Iterator[EventProducer]:
    with EventProducer(settings.bootstrap, settings.registry_url, node=76) as opened:
        yield opened


def publish(producer: EventProducer, lasts_ms: int, ago_ms: int = 0, deleted: bool = False) -> int:
    """A story that was made some time ago and lasts so long; its id."""
    story_id = make_id(time.time_ns() // 1_000_000 - ago_ms, 76, producer.mint.next_id() % 4096)
    at = id_time(story_id)
    producer.publish(
        StoryCreated(
            event_id=producer.mint.next_id(),
            occurred_at=at,
            author_id=AUTHOR,
            story_id=story_id,
            media_url="https://example.com/a.jpg",
            caption="",
            expires_at=at + lasts_ms,
        )
    ).result()
    if deleted:
        event_id = producer.mint.next_id()
        producer.publish(
            StoryDeleted(event_id=event_id, occurred_at=at, author_id=AUTHOR, story_id=story_id)
        ).result()
    producer.flush()
    return story_id


def told(settings: Settings) -> Counter[int]:
    """How often the log tells of each story of this module that it has ended."""
    registry, found = schema_registry(settings), Counter[int]()
    for records in log_reader(settings).read(TOPIC, 0, follow=False):
        for seen in decode_for_display(records, TOPIC, registry.schema_text):
            event = seen.event
            if isinstance(event, StoryExpired) and event.author_id == AUTHOR:
                found[event.story_id] += 1
    return found


def test_ends_are_told_once_soon_and_after_a_stop(
    settings: Settings, producer: EventProducer
) -> None:
    early = publish(producer, 1)  # has ended before anybody folds it
    deleted = publish(producer, 3_000, deleted=True)
    late = publish(producer, 3_600_000, ago_ms=3 * 86_400_000)  # arrives days after its end
    with worker(settings, "stories") as stories, program(settings, "expire", EXPIRE) as telling:
        lasting = publish(producer, 3_000)
        wait_for(settings, {early, late, lasting})
        assert time.time() * 1000 >= id_time(lasting) + 3_000
        telling.kill()
        stories.kill()
    unseen = {publish(producer, 1_000) for _ in range(3)}  # end while nobody looks
    with running_workers(settings, ["stories"]), program(settings, "expire", EXPIRE) as again:
        wait_for(settings, unseen)
        assert again.stop() == 0, again.text()
    counts = told(settings)
    assert deleted not in counts
    assert counts == Counter({early, late, lasting, *unseen})


def wait_for(settings: Settings, stories: set[int]) -> None:
    wait_until(lambda: stories <= told(settings).keys(), timeout_s=WITHIN_S, what="their ends")
