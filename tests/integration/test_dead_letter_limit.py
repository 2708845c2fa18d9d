"""A real worker meets a topic full of records that cannot be applied: it stops and says why."""

import pytest

from streams.agents.registry import AGENTS
from streams.app.broker import schema_registry
from streams.app.settings import Settings
from streams.app.stores import durable_views, progress
from streams.app.workers.lag import lag_report
from streams.contracts.codec import encode
from streams.contracts.events import StoryCreated
from streams.contracts.ids import SnowflakeGenerator, id_time
from streams.errors import NEEDS_A_PERSON
from tests.support.workers import (
    WAIT_S,
    DeadLetterReader,
    append,
    committed,
    prepare,
    running_workers,
    skip_to_end,
    wait_for_lag_zero,
    worker,
)

AGENT = "stories"
(TOPIC,) = AGENTS[AGENT].topics
AUTHOR = 7_700_000_000_000_001
GOOD, BAD, BEHIND = 10, 50, 5
LIMIT, BATCH = 20, 7
MINT = SnowflakeGenerator(77)

pytestmark = pytest.mark.stack


@pytest.fixture
def settings(stack: Settings) -> Settings:
    """A group of the test's own that stops early, in small batches."""
    own = stack.model_copy(
        update={
            "views_version": "v77",
            "session_timeout_s": 10,
            "batch_records": BATCH,
            "dead_letter_consecutive": LIMIT,
        }
    )
    prepare(own)
    skip_to_end(own, AGENT)
    return own


def append_story(settings: Settings, schema_id: int) -> int:
    """Append a good story to the topic's first partition; its id."""
    story_id = MINT.next_id()
    story = StoryCreated(
        event_id=MINT.next_id(),
        occurred_at=id_time(story_id),
        author_id=AUTHOR,
        story_id=story_id,
        media_url="m",
        caption="good",
        expires_at=id_time(story_id) + 3_600_000,
    )
    append(settings, TOPIC, b"%d" % AUTHOR, encode(story, schema_id), 0)
    return story_id


def letters(settings: Settings) -> int:
    return progress(settings).sizes([f"{TOPIC}.dlq"])[f"{TOPIC}.dlq"]


def test_a_worker_stops_before_it_drains_a_topic_into_its_dead_letters(settings: Settings) -> None:
    schema_id = schema_registry(settings).schema_id(TOPIC, "StoryCreated")
    reader, letters_before = DeadLetterReader(settings, [TOPIC]), letters(settings)
    committed_before = committed(settings, AGENT)
    stories = [append_story(settings, schema_id) for _ in range(GOOD)]
    bad = [append(settings, TOPIC, b"%d" % AUTHOR, b"no frame", 0) for _ in range(BAD)]
    stories += [append_story(settings, schema_id) for _ in range(BEHIND)]

    buried = 0
    for _ in range(2):  # it stops again when it is started again
        with worker(settings, AGENT) as stopped:
            assert stopped.process.wait(WAIT_S) == NEEDS_A_PERSON, stopped.text()
        told = stopped.text()
        assert "storyline-v77-stories stopped at its limit of dead letters" in told
        first = f"{TOPIC}:0:{bad[buried][1]}"
        assert f"20 of them for bad_frame; the first is at {first}\n" in told
        assert "Traceback" not in told
        # Of the batch that was too much, nothing; of those before, all.
        newly = letters(settings) - letters_before - buried
        assert LIMIT - BATCH <= newly < LIMIT
        buried += newly
        assert committed(settings, AGENT) - committed_before == GOOD + buried

    lenient = settings.model_copy(update={"dead_letter_consecutive": 0, "dead_letter_ratio": 0})
    with running_workers(lenient, [AGENT]) as workers:
        wait_for_lag_zero(lenient, workers)
        (told_now,) = lag_report(lenient, [AGENT]).counters
        assert told_now.counters.balanced
        assert told_now.counters.applied == BEHIND
        assert told_now.counters.dead_letters == {"bad_frame": BAD - buried}
    found = [dict(letter.headers) for letter in reader.read(BAD)]
    reader.close()
    offsets = sorted(int(headers["__connect.errors.offset"] or b"") for headers in found)
    assert offsets == [offset for _, offset in bad]
    assert letters(settings) - letters_before == BAD
    with durable_views(settings) as views:
        assert views.stories(stories).keys() == set(stories)
