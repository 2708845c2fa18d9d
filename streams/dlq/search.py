"""Search of the broker's dead letters, with the decisions about them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from streams.contracts.catalog import DLQ_SUFFIX, topics
from streams.dlq.decisions import ACTIONS_TOPIC, parse_decisions
from streams.dlq.model import DeadLetter, DeadLetterState, apply_decisions, group_copies
from streams.errors import UserError
from streams.record import Record, RecordPosition

_BEGINNING: Final = 0


class RecordReader(Protocol):
    """Port of the log: the part of a `LogReader` that a search needs."""

    def read(
        self, topic: str, start: int | None, *, follow: bool
    ) -> Iterator[Sequence[Record]]: ...


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Filter of dead letters. An empty set matches any; times are ms, `until` is excluded."""

    topics: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    """Names of agents, or full names of groups."""
    positions: frozenset[RecordPosition] = frozenset()
    """Positions of any of a dead letter's copies."""
    states: frozenset[DeadLetterState] = frozenset()
    since: int | None = None
    until: int | None = None
    """Both are compared with the dead letter's `first_seen`, which no replay changes."""

    def matches(self, dead_letter: DeadLetter) -> bool:
        return (
            (not self.topics or dead_letter.topic in self.topics)
            and (not self.codes or dead_letter.latest.code in self.codes)
            and (
                not self.groups or bool({dead_letter.id.group, agent_of(dead_letter)} & self.groups)
            )
            and (not self.states or dead_letter.state in self.states)
            and (self.since is None or dead_letter.first_seen >= self.since)
            and (self.until is None or dead_letter.first_seen < self.until)
            and (not self.positions or bool(dead_letter.positions & self.positions))
        )

    @property
    def sources(self) -> list[str]:
        """The topics whose dead letters must be read."""
        named = {position.topic.removesuffix(DLQ_SUFFIX) for position in self.positions}
        return [
            topic
            for topic, spec in topics().items()
            if spec.dlq_retention_ms is not None
            and (not self.topics or topic in self.topics)
            and (not named or topic in named)
        ]


def agent_of(dead_letter: DeadLetter) -> str:
    """Return the agent's name: the group's name without the version of the views."""
    return dead_letter.id.group.split("-", 2)[-1]


def all_dead_letters(
    log: RecordReader, sources: Iterable[str], report: Callable[[str], None] = lambda _: None
) -> list[DeadLetter]:
    """Return the dead letters of these topics in their current state, oldest first.

    Reading stops at the ends that the topics had when it began. The decisions are read after the
    dead letters: read before, a dead letter that another process settles at the same time would
    look open.

    Args:
        log: Log to read.
        sources: Topics whose dead letter topics are read.
        report: Receives a line of text for each topic read.

    Raises:
        UserError: The broker does not answer, or a topic is missing.
    """
    dead_letters: list[DeadLetter] = []
    for source in sources:
        topic = source + DLQ_SUFFIX
        report(f"reading {topic} …")
        dead_letters += group_copies(log.read(topic, _BEGINNING, follow=False))
    decisions = parse_decisions(log.read(ACTIONS_TOPIC, _BEGINNING, follow=False))
    apply_decisions(dead_letters, decisions)
    return sorted(dead_letters, key=lambda item: (item.first_seen, item.id))


def select(dead_letters: Sequence[DeadLetter], criteria: DeadLetterFilter) -> list[DeadLetter]:
    """Return the dead letters that match. Raises UserError if a position has no dead letter."""
    known = {position for item in dead_letters for position in item.positions}
    if missing := sorted(criteria.positions - known):
        raise UserError(
            f"there is no dead letter at {', '.join(map(str, missing))}",
            hint="it may have gone, or never been there; see: storyline dlq list",
        )
    return [item for item in dead_letters if criteria.matches(item)]


def records_at(log: RecordReader, positions: Iterable[RecordPosition]) -> Iterator[list[Record]]:
    """Yield the records at these positions that still exist, in chunks."""
    by_topic: dict[str, set[RecordPosition]] = {}
    for position in positions:
        by_topic.setdefault(position.topic, set()).add(position)
    for topic, left in sorted(by_topic.items()):
        first = min(position.offset for position in left)
        for records in log.read(topic, first, follow=False):
            found = [record for record in records if record.position in left]
            left.difference_update(record.position for record in found)
            if found:
                yield found
            if not left:
                break
