"""When a failed task is started again, and when that is given up: no clock, no server."""

from dataclasses import dataclass
from enum import Enum, auto


class RestartVerdict(Enum):
    NOTHING = auto()
    RESTART = auto()
    GIVE_UP = auto()
    """Said once; a person must help, after which it begins anew."""


@dataclass(slots=True)
class RestartPolicy:
    """Tries `limit` times in a row, after pauses that double from `first_s` to `longest_s`.

    A row of tries ends when the connector has run for `settled_s`: one that cannot work looks
    well for a moment after each restart.
    """

    limit: int
    first_s: float = 1.0
    longest_s: float = 60.0
    settled_s: float = 30.0
    tries: int = 0
    gave_up: bool = False
    _due: float | None = None
    _running_since: float | None = None

    def judge(self, now: float, *, failed: bool, running: bool) -> RestartVerdict:
        """What to do, seeing the connector at `now` (seconds of any steady clock)."""
        if running:
            self._saw_running(now)
        if running or not failed:
            return RestartVerdict.NOTHING
        self._running_since = None
        if self.gave_up:
            return RestartVerdict.NOTHING
        if self.tries >= self.limit:
            self.gave_up = True
            return RestartVerdict.GIVE_UP
        if self._due is None:
            self._due = now + self.pause_s
        return RestartVerdict.RESTART if now >= self._due else RestartVerdict.NOTHING

    @property
    def pause_s(self) -> float:
        """From a failure to the next try."""
        return float(min(self.longest_s, self.first_s * 2**self.tries))

    def restarted(self) -> None:
        """Count a try. A verdict that was not followed is given again."""
        self.tries += 1
        self._due = None

    def _saw_running(self, now: float) -> None:
        self._due = None
        if self._running_since is None:
            self._running_since = now
        if self.gave_up or now - self._running_since >= self.settled_s:
            self.tries = 0
            self.gave_up = False
