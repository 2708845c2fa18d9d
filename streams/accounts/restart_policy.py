"""Policy that decides when to restart a failed task and when to give up; no clock, no server."""

from dataclasses import dataclass
from enum import Enum, auto


class RestartVerdict(Enum):
    NOTHING = auto()
    RESTART = auto()
    GIVE_UP = auto()
    """Returned once; a person must help. The tries start again once the connector runs."""


@dataclass(slots=True)
class RestartPolicy:
    """Policy of up to `limit` tries in a row.

    The pauses before the tries double from `first_s` to `longest_s` seconds. A row of tries ends
    when the connector has run for `settled_s` seconds: a connector that cannot work looks healthy
    for a moment after each restart.
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
        """Return what to do about the connector's state at `now` (seconds of a monotonic clock)."""
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
        """Seconds from a failure to the next try."""
        return float(min(self.longest_s, self.first_s * 2**self.tries))

    def restarted(self) -> None:
        """Count a try. Without this call, `judge` returns the verdict RESTART again."""
        self.tries += 1
        self._due = None

    def _saw_running(self, now: float) -> None:
        self._due = None
        if self._running_since is None:
            self._running_since = now
        if self.gave_up or now - self._running_since >= self.settled_s:
            self.tries = 0
            self.gave_up = False
