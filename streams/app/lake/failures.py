"""Failed jobs of the lake: since when they fail, why, and what to do."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from streams.contracts.times import rfc3339
from streams.errors import UserError

if TYPE_CHECKING:
    from jobs.failures import Failure

_FILE: Final = "_failures.json"


class JobFailure(NamedTuple):
    """A job that failed in the last round, and has failed in every round since `since`."""

    job: str
    since: str
    """Time of its first failure, RFC 3339 in UTC."""
    last: str
    """Time of its last failure, RFC 3339 in UTC."""
    message: str
    hint: str


class FailureLog:
    """Failures of one lake, stored next to its tables; only the run that holds the lock writes."""

    def __init__(self, lake: Path) -> None:
        self._path = lake / _FILE
        self._failures = {failure.job: failure for failure in failures_of(lake)}

    def failed(self, failure: "Failure") -> bool:
        """Record a failure, and return whether it is news: the job's first, or another reason."""
        now = rfc3339(datetime.now(UTC))
        known = self._failures.get(failure.job)
        self._failures[failure.job] = JobFailure(
            failure.job, known.since if known else now, now, failure.message, failure.hint
        )
        self._write()
        return known is None or known.message != failure.message

    def succeeded(self, job: str) -> None:
        """Record that a job has caught up with its sources."""
        if self._failures.pop(job, None) is not None:
            self._write()

    @property
    def failures(self) -> Mapping[str, JobFailure]:
        """Failures by job."""
        return self._failures

    def _write(self) -> None:
        text = json.dumps([failure._asdict() for failure in self._failures.values()], indent=2)
        fresh = self._path.with_suffix(".tmp")
        fresh.write_text(text + "\n", encoding="utf-8")
        fresh.replace(self._path)


def failures_of(lake: Path) -> tuple[JobFailure, ...]:
    """Return the jobs that failed in their last round; `()` if all succeeded.

    Raises:
        UserError: the file is damaged.
    """
    path = lake / _FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    try:
        return tuple(JobFailure(**entry) for entry in json.loads(text))
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{path} is damaged: {error}", hint="remove it; the next run writes it again"
        ) from error
