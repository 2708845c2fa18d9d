"""Replay at a speed, and repeats."""

from streams.contracts.events import Event, UserMuted
from streams.contracts.ids import make_id
from streams.generate.duplicates import with_duplicates
from streams.generate.replay_speed import paced


def events(count: int, step_ms: int = 1000) -> list[Event]:
    start = 1_735_689_600_000
    return [
        UserMuted(
            event_id=make_id(start + n * step_ms),
            occurred_at=start + n * step_ms,
            user_id=1,
            target_id=2,
        )
        for n in range(count)
    ]


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.flushes: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def flush(self) -> None:
        self.flushes.append(self.now)


def test_a_replay_keeps_the_rhythm_divided_by_the_speed() -> None:
    clock = Clock()
    replay = paced(events(5), 4, before_waiting=clock.flush, clock=clock, sleep=clock.sleep)
    times = [clock.now - 100 for _ in replay]
    assert times == [0, 0.25, 0.5, 0.75, 1.0]
    assert clock.flushes == [100, 100.25, 100.5, 100.75]


def test_a_replay_that_fell_behind_catches_up_without_waiting() -> None:
    clock, times = Clock(), []
    for event in paced(events(4), 1, before_waiting=clock.flush, clock=clock, sleep=clock.sleep):
        if event.event_id == events(1)[0].event_id:
            clock.now += 2.5
        times.append(clock.now - 100)
    assert times == [2.5, 2.5, 2.5, 3.0]


def test_steps_too_short_to_wait_for_are_not_waited_for() -> None:
    clock = Clock()
    steps = paced(events(3, 1), 1000, before_waiting=clock.flush, clock=clock, sleep=clock.sleep)
    assert len(list(steps)) == 3
    assert clock.flushes == []


def test_repeats_are_the_same_events_some_at_once_and_some_late() -> None:
    given = events(20_000)
    sent = list(with_duplicates(given, 0.1, seed=3))
    assert sent == list(with_duplicates(given, 0.1, seed=3))
    assert 1700 < len(sent) - len(given) < 2300
    seen: set[int] = set()
    firsts, at_once, late = [], 0, 0
    for before, event in zip([None, *sent], sent, strict=False):
        if event.event_id not in seen:
            firsts.append(event)
            seen.add(event.event_id)
        elif before is event:
            at_once += 1
        else:
            late += 1
    assert firsts == given
    assert at_once > 700
    assert late > 700


def test_without_a_share_nothing_is_repeated() -> None:
    assert list(with_duplicates(events(100), 0, seed=3)) == events(100)
