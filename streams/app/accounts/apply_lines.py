"""Applies account changes from JSON lines, batch by batch; each batch is applied atomically."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import orjson

from streams.accounts.changes import AccountChange
from streams.accounts.json_codec import ChangeFormError, from_json
from streams.accounts.store import AccountRefusedError
from streams.app.events.json_lines import JsonLine
from streams.contracts.times import now_ms

BATCH: Final = 1000
"""Lines that one transaction applies."""


class Apply(Protocol):
    """Function that applies changes in order, all or none of them.

    It returns how many changes were written, and how many had nothing to do.
    """

    def __call__(self, changes: Sequence[AccountChange], /) -> tuple[int, int]: ...


class RefusedLine(NamedTuple):
    """A line that keeps its batch from being applied, and the reason."""

    line: int
    message: str


@dataclass(slots=True)
class ApplyOutcome:
    """Outcome of the lines that were read. Reading ends after a batch with a refused line."""

    types: Counter[str] = field(default_factory=Counter)
    """Number of lines in the applied batches, by type of change."""
    changed: int = 0
    skipped: int = 0
    refused: list[RefusedLine] = field(default_factory=list)
    held: int = 0
    """Number of good lines that were not applied because their batch has a bad one."""


class _Numbered(NamedTuple):
    line: int
    change: AccountChange


def apply_lines(
    lines: Iterable[JsonLine],
    apply: Apply,
    *,
    done: Callable[[JsonLine], None] = lambda _: None,
    clock: Callable[[], int] = now_ms,
) -> ApplyOutcome:
    """Apply lines in order, up to the first batch with a line that cannot be applied.

    Args:
        lines: Lines of JSON, one change each.
        apply: Applies the changes of one batch, all or none of them.
        done: Called with the last line of each applied batch.
        clock: Returns milliseconds since the Unix epoch: the time of lines without "at".
    """
    outcome = ApplyOutcome()
    reading = _ChangeReader(clock)
    for batch in _batches(lines):
        numbered = list(reading.changes(batch, outcome.refused))
        if not outcome.refused:
            _apply(numbered, apply, outcome)
        if outcome.refused:
            outcome.held = len(batch) - len(outcome.refused)
            break
        done(batch[-1])
    return outcome


def _apply(numbered: Sequence[_Numbered], apply: Apply, outcome: ApplyOutcome) -> None:
    try:
        changed, skipped = apply([change for _, change in numbered])
    except AccountRefusedError as error:
        (line,) = (line for line, change in numbered if change is error.change)
        outcome.refused.append(RefusedLine(line, error.message))
        return
    outcome.changed += changed
    outcome.skipped += skipped
    outcome.types.update(type(change).__name__ for _, change in numbered)


class _ChangeReader:
    """Parser of lines into changes. Lines without a time get ascending times."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._now = 0

    def changes(self, batch: Iterable[JsonLine], refused: list[RefusedLine]) -> Iterator[_Numbered]:
        """Yield the changes of a batch; append malformed or out-of-order lines to `refused`."""
        latest: dict[int, _Numbered] = {}
        for line in batch:
            if line.repeated:
                continue
            try:
                change = self._parse(line)
                _check_order(change, latest.get(change.user_id))
            except ChangeFormError as error:
                refused.append(RefusedLine(line.number, str(error)))
            else:
                latest[change.user_id] = _Numbered(line.number, change)
                yield latest[change.user_id]

    def _parse(self, line: JsonLine) -> AccountChange:
        if line.raw is None:
            raise ChangeFormError(str(line.problem))
        self._now = max(self._now + 1, self._clock())
        try:
            value = orjson.loads(line.raw)
        except orjson.JSONDecodeError as error:
            raise ChangeFormError(f"not JSON: {error}") from None
        return from_json(value, now=self._now)


def _check_order(change: AccountChange, before: _Numbered | None) -> None:
    if before is not None and change.at <= before.change.at:
        raise ChangeFormError(
            f"at: it must be later than in line {before.line}, which changes the same account"
        )


def _batches(lines: Iterable[JsonLine]) -> Iterator[list[JsonLine]]:
    batch: list[JsonLine] = []
    for line in lines:
        batch.append(line)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
