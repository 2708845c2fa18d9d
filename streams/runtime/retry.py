"""Waiting for a server that does not answer: for ever, with back-off, until told to stop."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from tenacity import RetryCallState, RetryError, Retrying, retry_if_exception_type
from tenacity.stop import stop_when_event_set
from tenacity.wait import wait_exponential_jitter

log = structlog.get_logger(__name__)

T = TypeVar("T")


class StoppedError(Exception):
    """The worker was told to stop while it waited; nothing of the batch is acknowledged."""


class Waiter:
    """Tries a step until it succeeds, on the errors that pass by themselves."""

    def __init__(
        self,
        passing: tuple[type[Exception], ...],
        stopping: threading.Event,
        *,
        first_s: float = 0.1,
        longest_s: float = 10.0,
    ) -> None:
        self._passing = passing
        self._stopping = stopping
        self._wait = wait_exponential_jitter(multiplier=first_s, max=longest_s, jitter=first_s)

    def is_passing(self, error: Exception) -> bool:
        """Whether it is worth waiting for its end."""
        return isinstance(error, self._passing)

    def run(self, call: Callable[[], T], *, retried: Callable[[], None], **context: Any) -> T:
        """The call's result; `retried` is called and a line logged before each further try.

        Raises StoppedError when told to stop between two tries, and every other error at once.
        """

        def before_sleep(state: RetryCallState) -> None:
            retried()
            error = state.outcome.exception() if state.outcome else None
            log.warning(
                "waiting for a server",
                error=f"{type(error).__name__}: {error}",
                tries=state.attempt_number,
                next_try_s=round(state.upcoming_sleep, 2),
                **context,
            )

        retrying = Retrying(
            retry=retry_if_exception_type(self._passing),
            wait=self._wait,
            stop=stop_when_event_set(self._stopping),
            sleep=self._sleep,
            before_sleep=before_sleep,
        )
        try:
            return retrying(call)
        except RetryError as error:
            raise StoppedError from error

    def _sleep(self, seconds: float) -> None:
        self._stopping.wait(seconds)
