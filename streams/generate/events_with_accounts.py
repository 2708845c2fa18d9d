"""Events together with the account changes around them, in an order that readers can rely on."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import IO, Protocol

import orjson

from streams.accounts.changes import AccountChange
from streams.accounts.json_codec import to_json
from streams.contracts.events import Event
from streams.generate.accounts import AccountTimeline
from streams.generate.event_writers import EventWriter

_CHANGES = 5000
_EVENTS = 2000


class AccountWriter(Protocol):
    """Port of a writer of account changes, which it receives in time order."""

    def apply(self, changes: Sequence[AccountChange]) -> tuple[int, int]:
        """Write the changes; return how many were written and how many had nothing to do.

        All changes have arrived when it returns.
        """
        ...


class AccountLines:
    """Writer of account changes as JSON lines."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def apply(self, changes: Sequence[AccountChange]) -> tuple[int, int]:
        self._file.writelines(
            orjson.dumps(to_json(change), option=orjson.OPT_APPEND_NEWLINE) for change in changes
        )
        self._file.flush()
        return len(changes), 0


class EventsWithAccounts:
    """Event writer that applies every account change up to an event before it sends the event.

    It buffers events until `_EVENTS` of them, or `_CHANGES` changes, make a batch, or until
    `flush`.
    """

    def __init__(
        self, events: EventWriter, changes: AccountWriter, accounts: AccountTimeline
    ) -> None:
        self._events = events
        self._changes = changes
        self._accounts = accounts
        self._buffered: list[Event] = []
        self._due: list[AccountChange] = []
        self.types: Counter[str] = Counter()
        self.skipped = 0

    def sign_up_founders(self, show: Callable[[int], None]) -> None:
        """Sign up the members of the start; `show` receives the number of changes so far."""
        for part in _parts(self._accounts.founding()):
            self._apply(part)
            show(self.types.total())

    def send(self, event: Event) -> None:
        self._due += self._accounts.before(event)
        self._buffered.append(event)
        if len(self._buffered) >= _EVENTS or len(self._due) >= _CHANGES:
            self._release()

    def flush(self) -> None:
        self._release()
        self._events.flush()

    def _release(self) -> None:
        due, self._due = self._due, []
        if due:
            self._apply(due)
        buffered, self._buffered = self._buffered, []
        for event in buffered:
            self._events.send(event)

    def _apply(self, changes: Sequence[AccountChange]) -> None:
        _, skipped = self._changes.apply(changes)
        self.types.update(type(change).__name__ for change in changes)
        self.skipped += skipped


def _parts(changes: Iterator[AccountChange]) -> Iterator[list[AccountChange]]:
    while part := list(islice(changes, _CHANGES)):
        yield part
