"""Retries while a server does not answer: with growing pauses, until the worker stops."""

import random
import threading

_LARGEST_POWER = 30


class StoppedError(Exception):
    """Stop of the worker during a pause; nothing of the batch is acknowledged."""


class RetryPolicy:
    """Policy of retries: which errors are transient, and the pauses between tries."""

    def __init__(
        self,
        transient: tuple[type[Exception], ...],
        stopping: threading.Event,
        *,
        first_s: float = 0.1,
        longest_s: float = 10.0,
    ) -> None:
        self._transient = transient
        self._stopping = stopping
        self._first_s = first_s
        self._longest_s = longest_s

    def is_transient(self, error: Exception) -> bool:
        """Return whether the error is transient, so that waiting for its end is worthwhile."""
        return isinstance(error, self._transient)

    def next_pause_s(self, tries: int) -> float:
        """Return the seconds to pause after `tries` failed tries of one record.

        The pause doubles from `first_s` to `longest_s`; up to `first_s` of it is random.
        """
        power = min(max(tries - 1, 0), _LARGEST_POWER)
        jitter = random.uniform(0, self._first_s)  # noqa: S311 - spreads load, protects nothing
        return float(min(self._longest_s, self._first_s * 2**power + jitter))

    def pause(self, seconds: float) -> None:
        """Sleep for `seconds`.

        Raises:
            StoppedError: If the worker is to stop, before or during the pause.
        """
        self._stopping.wait(seconds)
        if self._stopping.is_set():
            raise StoppedError
