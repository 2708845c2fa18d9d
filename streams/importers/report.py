"""Counts of the input that an import left out or shortened, by reason."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

MAX_EXAMPLES: Final = 100


class Reason(StrEnum):
    """Reason why a piece of input became no event."""

    TOO_LONG = "too_long"
    NOT_JSON = "not_json"
    MALFORMED = "malformed"
    NOT_TWO_NUMBERS = "not_two_numbers"
    ID_OUT_OF_RANGE = "id_out_of_range"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    FUTURE = "future"
    INVALID_EVENT = "invalid_event"
    NOT_A_COLLECTION = "not_a_collection"

    BLANK = "blank"
    COMMENT = "comment"
    SELF_FOLLOW = "self_follow"
    SELF_BLOCK = "self_block"
    IDENTITY = "identity"
    ACCOUNT = "account"
    OTHER_KIND = "other_kind"
    OTHER_COLLECTION = "other_collection"
    OTHER_OPERATION = "other_operation"
    SUBJECT_NOT_POST = "subject_not_post"
    UNKNOWN_RECORD = "unknown_record"
    NOT_PUBLIC = "not_public"
    NOT_OWN = "not_own"
    NO_TIME = "no_time"
    NO_ITEMS = "no_items"
    AUTHOR_UNKNOWN = "author_unknown"
    OTHER_ACTIVITY = "other_activity"
    OTHER_OBJECT = "other_object"
    BARE_REFERENCE = "bare_reference"


BROKEN: Final = frozenset(
    {
        Reason.TOO_LONG, Reason.NOT_JSON, Reason.MALFORMED, Reason.NOT_TWO_NUMBERS,
        Reason.ID_OUT_OF_RANGE, Reason.TIME_OUT_OF_RANGE, Reason.FUTURE, Reason.INVALID_EVENT,
        Reason.NOT_A_COLLECTION,
    }
)  # fmt: skip
"""Reasons that mean faulty input. The others mean input that Storyline has no event for."""


class Cut(StrEnum):
    """Part of a piece of input that its event leaves out."""

    TEXT = "text_cut"
    HASHTAGS = "hashtags_dropped"
    FACETS = "facets_outside_text"
    MEDIA = "media_dropped"
    QUOTE = "quote_dropped"
    CONTENT_TIME = "content_time_unknown"


class SkippedError(Exception):
    """A piece of input that becomes no event."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Skipped(NamedTuple):
    """A skipped piece of input; `place` is its file and line, or its file and item."""

    place: str
    reason: Reason
    detail: str


@dataclass(slots=True)
class ImportReport:
    """Counts of the pieces of input; each counts in `items`, and is skipped or gives events.

    `on_skip` receives each skipped piece; the report itself keeps counts and the first examples.
    """

    on_skip: Callable[[Skipped], None] | None = None
    items: int = 0
    skipped: Counter[Reason] = field(default_factory=Counter)
    cuts: Counter[Cut] = field(default_factory=Counter)
    examples: list[Skipped] = field(default_factory=list)
    collisions: int = 0
    """Number of names that got the next free id because another name has that of their hash."""

    @property
    def broken(self) -> int:
        """Number of skipped pieces that are faulty."""
        return sum(count for reason, count in self.skipped.items() if reason in BROKEN)

    def skip(self, place: str, reason: Reason, detail: str) -> None:
        """Count a piece of input that becomes no event."""
        skipped = Skipped(place, reason, detail)
        self.skipped[reason] += 1
        if reason in BROKEN and len(self.examples) < MAX_EXAMPLES:
            self.examples.append(skipped)
        if self.on_skip is not None:
            self.on_skip(skipped)

    def cut(self, what: Cut, count: int = 1) -> None:
        """Count parts that an event leaves out."""
        if count:
            self.cuts[what] += count

    def summary(self) -> dict[str, Any]:
        """Return the counts as JSON values, for scripts."""
        return {
            "lines": self.items,
            "skipped": {str(reason): count for reason, count in self.skipped.most_common()},
            "broken": self.broken,
            "shortened": {str(cut): count for cut, count in self.cuts.most_common()},
            "collisions": self.collisions,
            "examples": [skipped._asdict() for skipped in self.examples],
        }

    def text(self) -> str:
        """Return the counts for people, one line each."""
        skipped, cuts = _listed(self.skipped), _listed(self.cuts)
        text = f"{self.items:,} lines read, {self.skipped.total():,} skipped"
        text += f": {skipped}\n" if skipped else "\n"
        text += f"left out of events: {cuts}\n" if cuts else ""
        collisions = f"{self.collisions} names have the hash of another one, and another id\n"
        return text + (collisions if self.collisions else "")


def _listed(counts: Counter[Any]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
