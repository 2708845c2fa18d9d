"""Summary of the events that were sent: counts by type, the first and the last event time."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streams.contracts.events import Event
    from streams.importers.report import ImportReport


@dataclass(slots=True)
class Sent:
    """Counts of sent events by record type, and of the bad records and account changes with them.

    `first` and `last` are event times in milliseconds since the Unix epoch.
    """

    types: Counter[str] = field(default_factory=Counter)
    first: int = 0
    last: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    accounts: Counter[str] = field(default_factory=Counter)
    """Account changes by type."""
    skipped: int = 0
    """Number of account changes that the database had already."""
    report: "ImportReport | None" = None
    """Counts of the input that the events come from."""

    def count(self, event: "Event") -> None:
        self.types[type(event).__name__] += 1
        self.first = min(self.first or event.occurred_at, event.occurred_at)
        self.last = max(self.last, event.occurred_at)

    def summary(self) -> dict[str, Any]:
        """Return the summary for scripts."""
        from streams.contracts.times import format_time

        return {
            "events": self.types.total(),
            "first": format_time(self.first),
            "last": format_time(self.last),
            "types": dict(sorted(self.types.items())),
            "bad": dict(sorted(self.bad.items())),
            "account_changes": self.accounts.total(),
            "accounts": dict(sorted(self.accounts.items())),
            "accounts_skipped": self.skipped,
            **({} if self.report is None else {"input": self.report.summary()}),
        }

    def text(self, where: str) -> str:
        """Return the summary as text for people; `where` follows the number of events."""
        summary = self.summary()
        bad = f", and {self.bad.total()} bad records" if self.bad else ""
        text = f"{summary['events']:,} events {where}{bad}\n"
        if self.types:
            text += f"  from {summary['first']} to {summary['last']}: {_listed(self.types)}\n"
        if self.accounts:
            skipped = f" ({self.skipped:,} were there already)" if self.skipped else ""
            text += (
                f"{self.accounts.total():,} account changes{skipped}: {_listed(self.accounts)}\n"
            )
        return text + (self.report.text() if self.report else "")


def _listed(types: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in types.most_common())
