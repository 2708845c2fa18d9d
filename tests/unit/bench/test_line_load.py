"""The generator publishes each event when it is due, whatever happens before."""

from bench.line_load import Load, paced


class Clock:
    """Seconds that pass only in pauses and while something is published."""

    def __init__(self, publishing_s: float = 0.0) -> None:
        self.now = 100.0
        self.published: list[float] = []
        self._publishing_s = publishing_s

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def publish(self, _: object) -> None:
        self.published.append(self.now - 100)
        self.now += self._publishing_s


def test_records_are_published_when_they_are_due() -> None:
    clock = Clock()
    sent, seconds, late_s = paced(
        iter(range(100)), 50, clock.publish, pause=clock.pause, clock=clock
    )
    assert sent == 100
    due = [number / 50 for number in range(100)]
    assert all(0 <= at - when <= 0.02 for at, when in zip(clock.published, due, strict=True))
    assert 1.98 <= seconds <= 2.02
    assert late_s < 0.006


def test_records_of_a_high_rate_are_published_together() -> None:
    clock = Clock()
    sent, seconds, late_s = paced(
        iter(range(2000)), 2000, clock.publish, pause=clock.pause, clock=clock
    )
    assert sent == 2000
    assert 0.99 <= seconds <= 1.01
    assert len(set(clock.published)) < 210
    assert late_s < 0.006


def test_a_stall_is_caught_up_with_and_counts_as_late() -> None:
    clock = Clock()

    def pause(seconds: float) -> None:
        clock.pause(seconds + (1.0 if not stalls else 0.0))
        stalls.append(seconds)

    stalls: list[float] = []
    sent, seconds, late_s = paced(iter(range(300)), 100, clock.publish, pause=pause, clock=clock)
    assert sent == 300
    assert 2.98 <= seconds <= 3.02
    assert late_s > 0.9


def test_generator_that_is_too_slow_says_so() -> None:
    clock = Clock(publishing_s=0.02)
    sent, seconds, late_s = paced(
        iter(range(100)), 100, clock.publish, pause=clock.pause, clock=clock
    )
    assert sent == 100
    assert seconds >= 2
    assert not Load(100, sent, seconds, 0.1, late_s).kept


def test_without_a_rate_everything_is_published_at_once() -> None:
    clock = Clock()
    assert paced(iter(range(2500)), 0, clock.publish, pause=clock.pause, clock=clock)[0] == 2500
    assert set(clock.published) == {0}


def test_load_knows_its_cores() -> None:
    load = Load(1000, 60_000, 60.0, 6.0, 0.01)
    assert load.cores == 0.1
    assert load.kept
