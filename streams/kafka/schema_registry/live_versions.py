"""Registered schema versions, checked for whether this version's readers can read them."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from streams.contracts.catalog import topics
from streams.contracts.compatibility import differences
from streams.contracts.schema_resolution import NotAvroError, writer_of


class Unreadable(NamedTuple):
    """A registered version whose records would become dead letters, and why."""

    subject: str
    version: int
    schema_id: int | None
    reasons: tuple[str, ...]


def live_subjects(subjects: Iterable[str]) -> Iterator[str]:
    """Return the subjects that a producer of a topic of events may write under, in order."""
    prefixes = tuple(f"{topic}-" for topic in topics())
    return iter(sorted(name for name in subjects if name.startswith(prefixes)))


def unreadable(name: str, text: str) -> tuple[str, ...]:
    """Return why records of a schema under a subject cannot be read; `()` if they can."""
    topic = max((each for each in topics() if name.startswith(f"{each}-")), key=len)
    if name == f"{topic}-key":
        return (f"keys of {topic} are an id in decimal text, not Avro",)
    try:
        writer = writer_of(text)
    except NotAvroError as error:
        return (str(error),)
    if writer.record_type is None or writer.record_type not in topics()[topic].records:
        carried = ", ".join(topics()[topic].records)
        return (f"{topic} does not carry {writer.full_name}, but {carried}",)
    return writer.faults or differences(writer.record_type, writer.schema)
