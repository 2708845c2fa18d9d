"""Every story that ends is told of once, whatever happens to whoever tells."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.agents.story_expiry import GRACE_MS, ExpiryPublisher
from streams.contracts.events import Event, StoryExpired
from streams.contracts.ids import make_id
from streams.errors import StoreUnavailableError
from streams.sinks.memory.store import MemoryStore
from streams.views.effects import DeleteStory, Effects
from streams.views.story_expiry import Expiry
from tests.contract.store_events import DAY_MS, MS_2024, Scope

ANN, BOB = 1, 2
MINUTE = 60_000


class World:
    """A store, the log, and a clock. The fold reads back what was told when it is asked to."""

    def __init__(self) -> None:
        self.now = MS_2024
        self.store = MemoryStore(clock=lambda: self.now)
        self.log: list[StoryExpired] = []
        self.folded = 0
        self.broker_is_up = True
        self.publisher = self.process()

    def process(self) -> ExpiryPublisher:
        return ExpiryPublisher(self.store.expiries, self.store, self._send)

    def _send(self, events: Sequence[Event]) -> None:
        if not self.broker_is_up:
            raise StoreUnavailableError("no broker")
        for event in events:
            assert isinstance(event, StoryExpired)
            self.log.append(event)

    def story(self, number: int, author: int = ANN, lasts: int = DAY_MS, event_id: int = 1) -> int:
        """A story that was made so many minutes after the start."""
        made = MS_2024 + number * MINUTE
        story_id = make_id(made)
        story = Scope(0).story(story_id, author, event_id, expires_at=made + lasts)
        self.store.apply(Effects(create_stories=[story]))
        return story_id

    def fold(self) -> None:
        told = [
            Expiry(one.story_id, one.author_id, one.occurred_at) for one in self.log[self.folded :]
        ]
        self.folded = len(self.log)
        self.store.apply(Effects(expiries=told))

    def publish_due(self) -> int:
        return self.publisher.publish_due(self.now).published

    def published(self) -> list[int]:
        return [event.story_id for event in self.log]


@pytest.fixture
def world() -> World:
    return World()


def test_end_is_published_once_it_is_due(world: World) -> None:
    story = world.story(0)
    world.now = MS_2024 + DAY_MS - 1
    assert world.publish_due() == 0
    world.now += 1
    assert world.publish_due() == 1
    (event,) = world.log
    assert (event.story_id, event.author_id, event.occurred_at) == (story, ANN, MS_2024 + DAY_MS)


def test_published_end_is_not_published_again(world: World) -> None:
    world.story(0)
    world.now = MS_2024 + DAY_MS
    for _ in range(3):  # not read back yet
        world.publish_due()
        world.now += MINUTE
    world.fold()
    for _ in range(40):
        world.publish_due()
        world.now += MINUTE
    assert len(world.log) == 1
    world.publisher = world.process()
    world.publish_due()
    assert len(world.log) == 1


def test_second_publisher_sends_the_same_event_before_it_is_read_back(world: World) -> None:
    world.story(0)
    world.now = MS_2024 + DAY_MS
    world.publish_due()
    world.now += 10 * DAY_MS
    world.publish_due()
    world.publisher = world.process()
    world.publish_due()
    first, second = world.log
    assert first == second


def test_after_days_of_silence_nothing_was_missed(world: World) -> None:
    stories = [world.story(n, lasts=MINUTE) for n in range(1200)]
    world.now = MS_2024 + 9 * DAY_MS
    assert world.publish_due() == len(stories)
    assert sorted(world.published()) == stories


@pytest.mark.parametrize("when", ["before", "after"])
def test_end_of_a_deleted_story_is_not_published(world: World, when: str) -> None:
    deletion = Effects(delete_stories=[DeleteStory(make_id(MS_2024), ANN)])
    if when == "before":
        world.store.apply(deletion)
    world.story(0)
    world.store.apply(deletion)
    world.now = MS_2024 + DAY_MS
    assert world.publish_due() == 0


def test_a_deletion_by_somebody_else_changes_nothing(world: World) -> None:
    story = world.story(0)
    world.store.apply(Effects(delete_stories=[DeleteStory(story, BOB)]))
    world.now = MS_2024 + DAY_MS
    assert world.publish_due() == 1


def test_only_the_create_that_won_has_its_end_published(world: World) -> None:
    world.story(0, BOB, lasts=MINUTE, event_id=9)
    world.story(0, ANN, lasts=DAY_MS, event_id=3)
    world.now = MS_2024 + DAY_MS - 1
    assert world.publish_due() == 0
    world.now += 1
    assert world.publish_due() == 1
    assert world.log[0].author_id == ANN


def test_end_of_a_story_that_arrives_a_week_late_is_published(world: World) -> None:
    world.story(0)
    world.now = MS_2024 + DAY_MS
    world.publish_due()
    world.fold()
    world.now += 7 * DAY_MS
    world.publish_due()  # everything up to now counts as told
    late = world.story(1)
    assert world.publish_due() == 1
    assert world.published()[-1] == late
    assert world.log[-1].occurred_at == MS_2024 + MINUTE + DAY_MS


def test_replay_of_the_topic_publishes_nothing_again(world: World) -> None:
    for number in range(5):
        world.story(number)
    world.now = MS_2024 + 2 * DAY_MS
    world.publish_due()
    world.fold()
    for number in range(5):
        world.story(number)
    assert world.publish_due() == 0


def test_fold_from_the_start_publishes_nothing_that_the_log_has(world: World) -> None:
    """Another version of the views, which reads the stories before it reads of their ends."""
    for number in range(5):
        world.story(number)
    world.now = MS_2024 + 2 * DAY_MS
    world.publish_due()
    fresh = World()
    fresh.now = world.now
    for number in range(5):
        fresh.story(number)
    fresh.log = list(world.log)
    fresh.fold()
    assert fresh.publish_due() == 0


def test_nothing_counts_as_published_while_the_broker_is_away(world: World) -> None:
    world.story(0)
    world.now = MS_2024 + DAY_MS
    world.broker_is_up = False
    with pytest.raises(StoreUnavailableError):
        world.publish_due()
    world.broker_is_up = True
    world.now += DAY_MS
    assert world.publish_due() == 1


def test_round_returns_how_far_behind_it_is(world: World) -> None:
    world.story(0)
    world.story(1)
    world.now = MS_2024 + DAY_MS + 5 * MINUTE
    found = world.publisher.publish_due(world.now)
    assert (found.published, found.pending, found.oldest_due) == (2, 2, MS_2024 + DAY_MS)
    world.fold()
    found = world.publisher.publish_due(world.now)
    assert (found.published, found.pending, found.oldest_due) == (0, 0, None)


def test_an_entry_written_within_the_grace_is_found(world: World) -> None:
    world.now = MS_2024 + DAY_MS + GRACE_MS
    world.publish_due()
    slow = world.now - GRACE_MS + 1  # a worker whose clock is behind
    clock, world.now = world.now, slow
    world.story(0)
    world.now = clock
    assert world.publish_due() == 1


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("story"), st.integers(0, 200), st.sampled_from([MINUTE, DAY_MS])),
            st.tuples(st.just("delete"), st.integers(0, 200), st.just(0)),
            st.tuples(st.just("wait"), st.integers(0, 2000), st.just(0)),
            st.tuples(st.sampled_from(["tell", "fold", "crash", "lost"]), st.just(0), st.just(0)),
        ),
        max_size=60,
    )
)
def test_whatever_happens_each_end_has_one_event(steps: list[tuple[str, int, int]]) -> None:
    world = World()
    created: dict[int, int] = {}
    deleted: set[int] = set()
    for what, number, lasts in steps:
        match what:
            case "story":
                if number not in created:
                    created[number] = lasts
                    world.story(number, lasts=lasts)
            case "delete":
                deleted.add(number)
                story_id = make_id(MS_2024 + number * MINUTE)
                world.store.apply(Effects(delete_stories=[DeleteStory(story_id, ANN)]))
            case "wait":
                world.now += number * MINUTE
            case "tell":
                world.publish_due()
            case "fold":
                world.fold()
            case "crash":
                world.publisher = world.process()
            case "lost":
                world.broker_is_up = False
                try:
                    world.publish_due()
                except StoreUnavailableError:
                    world.publisher = world.process()
                world.broker_is_up = True
    world.fold()
    world.now += 3 * DAY_MS
    world.publish_due()
    told = {event.story_id: event for event in world.log}
    assert len({event.event_id for event in world.log}) == len(told)
    must = {make_id(MS_2024 + number * MINUTE) for number in created.keys() - deleted}
    may = {make_id(MS_2024 + number * MINUTE) for number in created}
    assert must <= told.keys() <= may
    for number, lasts in created.items():
        event = told.get(make_id(MS_2024 + number * MINUTE))
        assert event is None or event.occurred_at == MS_2024 + number * MINUTE + lasts
    world.fold()
    assert world.publish_due() == 0
