"""Shared parts of `generate` and `load`: destination and speed of events, and the summary."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from streams.cli.events.sent import Sent
from streams.errors import UserError

if TYPE_CHECKING:
    from streams.contracts.events import Event
    from streams.generate.accounts import AccountTimeline
    from streams.generate.event_writers import EventWriter
    from streams.generate.events_with_accounts import AccountWriter
    from streams.importers.report import ImportReport

Out = Annotated[
    str | None,
    typer.Option(
        "--out", metavar="FILE|-", help="Write JSON lines there (the default: standard output)."
    ),
]
Publish = Annotated[bool, typer.Option("--publish", help="Send to Kafka instead of writing.")]
Speed = Annotated[
    float | None,
    typer.Option(
        "--speed",
        metavar="X",
        help="Wait between events: 1 is real time, 3600 an hour a second. Default: no waiting.",
    ),
]
Bad = Annotated[
    int,
    typer.Option(
        "--bad",
        min=0,
        max=1000,
        help="With --publish: number of records that no consumer can apply.",
    ),
]
Duplicates = Annotated[
    float,
    typer.Option(
        "--duplicates", min=0, max=1, help="Share of events that are sent once more, as they are."
    ),
]
AccountsFile = Annotated[
    str | None,
    typer.Option(
        "--accounts", metavar="FILE|-", help="Write the account changes there as JSON lines."
    ),
]
NoAccounts = Annotated[
    bool, typer.Option("--no-accounts", help="With --publish: leave the accounts database alone.")
]
Summary = Annotated[
    bool, typer.Option("--json", help="Print a summary as JSON (on stderr if events are printed).")
]

_SHOW_EVERY = 500


@dataclass(frozen=True, slots=True)
class Destination:
    """Destination of events and account changes.

    Raises:
        UserError: options contradict each other.
    """

    out: str | None
    publish: bool
    speed: float | None
    bad: int
    accounts: str | None = None
    no_accounts: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        if self.publish and self.out is not None:
            raise UserError("--publish and --out exclude each other", exit_code=2)
        if self.dry_run and (self.publish or self.out is not None):
            other = "--publish" if self.publish else "--out"
            raise UserError(f"{other} and --dry-run exclude each other", exit_code=2)
        if self.bad and not self.publish:
            raise UserError("--bad needs --publish: bad records have no JSON form", exit_code=2)
        if self.speed is not None and not 0 < self.speed < float("inf"):
            raise UserError("--speed must be greater than 0", exit_code=2)
        if self.accounts is None:
            return
        if self.publish or self.no_accounts:
            other = "--publish" if self.publish else "--no-accounts"
            raise UserError(f"{other} and --accounts exclude each other", exit_code=2)
        if self.accounts == (self.out or "-"):
            raise UserError("events and account changes need a file each", exit_code=2)

    @property
    def takes_accounts(self) -> bool:
        return self.accounts is not None or (self.publish and not self.no_accounts)

    @property
    def on_stdout(self) -> bool:
        """Return whether standard output carries events or account changes."""
        if self.publish or self.dry_run:
            return False
        return self.out in (None, "-") or self.accounts == "-"

    @property
    def done(self) -> str:
        """Participle that the summary prints after the number of events."""
        if self.dry_run:
            return "would be published (dry run)"
        return "published" if self.publish else f"written to {self.out or 'standard output'}"


def emit(
    events: Iterable["Event"],
    to: Destination,
    *,
    expected: int | None,
    as_json: bool,
    accounts: "AccountTimeline | None" = None,
    report: "ImportReport | None" = None,
) -> None:
    """Send every event, and the changes of `accounts` around them, and print what was sent.

    Args:
        events: In the order in which they are sent.
        to: Destination of events and account changes.
        expected: Approximate number of events; `None` if unknown.
        as_json: Print the summary as JSON.
        accounts: Account changes; `None` if there are none.
        report: Counts of the input that the events come from. The summary contains it.
    """
    if to.dry_run:
        from streams.generate.event_writers import DiscardWriter

        sent = _send(events, DiscardWriter(), to, expected, accounts)
    elif to.publish:
        from streams.app.events.event_writers import open_log
        from streams.app.settings import settings
        from streams.generate.event_writers import PoisonedWriter

        with open_log(settings(), bad=to.bad, events=expected or 0) as log:
            sent = _send(events, log, to, expected, accounts)
        if isinstance(log, PoisonedWriter):
            sent.bad.update(str(poison.code) for poison in log.dropped)
    else:
        from streams.cli.common.files import whole_output
        from streams.generate.event_writers import JsonLines

        with whole_output(to.out or "-") as file:
            sent = _send(events, JsonLines(file), to, expected, accounts)
    sent.report = report
    _report(sent, to, as_json=as_json)


def _send(
    events: Iterable["Event"],
    writer: "EventWriter",
    to: Destination,
    expected: int | None,
    accounts: "AccountTimeline | None",
) -> Sent:
    sent = Sent()
    with ExitStack() as closing:
        if accounts is None:
            show = closing.enter_context(_progress())
            _send_events(events, writer, to.speed, sent, show("events", expected))
            return sent
        from streams.generate.events_with_accounts import EventsWithAccounts

        changes = closing.enter_context(_account_writer(to))
        show = closing.enter_context(_progress())
        both = EventsWithAccounts(writer, changes, accounts)
        both.sign_up_founders(show("accounts", accounts.founders))
        _send_events(events, both, to.speed, sent, show("events", expected))
        sent.accounts, sent.skipped = both.types, both.skipped
    return sent


def _send_events(
    events: Iterable["Event"],
    writer: "EventWriter",
    speed: float | None,
    sent: Sent,
    show: Callable[[int], None],
) -> None:
    from streams.generate.replay_speed import paced

    if speed is not None:
        events = paced(events, speed, before_waiting=writer.flush)
    damage: list[UserError] = []
    for number, event in enumerate(_until_damaged(events, damage), start=1):
        writer.send(event)
        sent.count(event)
        if speed is not None or number % _SHOW_EVERY == 0:
            show(number)
    writer.flush()
    if damage:
        raise damage[0]


def _until_damaged(events: Iterable["Event"], damage: list[UserError]) -> Iterator["Event"]:
    """Yield the events up to an error of their input, and put that error into `damage`."""
    try:
        yield from events
    except UserError as error:
        damage.append(error)


@contextmanager
def _account_writer(to: Destination) -> Iterator["AccountWriter"]:
    """Open the writer of account changes."""
    if to.publish:
        from streams.app.accounts.database import accounts_store
        from streams.app.settings import settings

        with accounts_store(settings()) as store:
            yield store
    else:
        from streams.cli.common.files import whole_output
        from streams.generate.events_with_accounts import AccountLines

        with whole_output(to.accounts or "-") as file:
            yield AccountLines(file)


@contextmanager
def _progress() -> Iterator[Callable[[str, int | None], Callable[[int], None]]]:
    """Yield a function that opens a bar, given its title and its approximate total."""
    from rich.progress import MofNCompleteColumn, TimeRemainingColumn

    from streams.cli.common.progress_bar import progress_bar

    # Events on a terminal would tear the bar apart.
    shown = not sys.stdout.isatty()
    with progress_bar(MofNCompleteColumn(), TimeRemainingColumn(), shown=shown) as bar:

        def start(what: str, expected: int | None) -> Callable[[int], None]:
            task = bar.add_task(what, total=expected)
            return lambda done: bar.update(task, completed=done)

        yield start


def _report(sent: Sent, to: Destination, *, as_json: bool) -> None:
    stream = sys.stderr if to.on_stdout else sys.stdout
    if as_json:
        stream.write(orjson.dumps(sent.summary(), option=orjson.OPT_INDENT_2).decode() + "\n")
    elif sent.report is not None or not to.on_stdout:
        stream.write(sent.text(to.done))
