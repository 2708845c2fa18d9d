"""Records at which a worker waits because a server does not answer."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

REASON_LENGTH = 300
"""Characters of an error that are kept."""


class Blockage(NamedTuple):
    """A record that a partition waits at, and why."""

    topic: str
    partition: int
    offset: int
    """Offset of the record, or of the first record that may be the one, if not `exact`."""
    exact: bool
    """Whether this very record fails. The worker divides its batch until it knows."""
    step: str
    reason: str
    """The error of the last try."""
    since: float
    """Seconds since the Unix epoch of the first failed try."""
    tries: int

    def seconds(self, now: float) -> float:
        """Return the seconds that the worker has waited at `now`, never negative."""
        return max(0.0, now - self.since)

    def __str__(self) -> str:
        partition = f"{self.topic}[{self.partition}]"
        at = f"at offset {self.offset}" if self.exact else f"at or after offset {self.offset}"
        return f"{partition}: {self.step} waits {at}: {self.reason}"


class Blockages:
    """Current blockages of one pipeline, one per waiting part of a batch. Safe between threads."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._current: dict[object, Blockage] = {}

    def note(self, part: object, blockage: Blockage) -> None:
        """Record a failed try; `since` is kept from the first one of the same part."""
        with self._lock:
            previous = self._current.get(part)
            since = self._clock() if previous is None else previous.since
            tries = 1 if previous is None else previous.tries + 1
            self._current[part] = blockage._replace(since=since, tries=tries)

    def clear(self, part: object) -> None:
        """Forget a part's blockage: its record passed, or the worker stops."""
        with self._lock:
            self._current.pop(part, None)

    def current(self) -> tuple[Blockage, ...]:
        """Return the current blockages, in the order of partitions."""
        with self._lock:
            return tuple(sorted(self._current.values()))


def shortened(error: BaseException | None) -> str:
    """Return an error's class and message on one line of at most `REASON_LENGTH` characters."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= REASON_LENGTH else f"{text[: REASON_LENGTH - 1]}…"
