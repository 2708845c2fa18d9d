"""A record of the log and its position: the vocabulary that every other module shares."""

import re
from typing import NamedTuple

Headers = tuple[tuple[str, bytes | None], ...]

TopicPartition = tuple[str, int]
"""A topic and the number of one of its partitions. Faust's own TP is an equal tuple."""

_POSITION = re.compile(r"([\w.-]+):(\d{1,9}):(\d{1,18})", re.ASCII)


class RecordPosition(NamedTuple):
    """Position of a record in the log; as text, `topic:partition:offset`."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


class Record(NamedTuple):
    """A record as the broker returned it; `append_time` in milliseconds since the Unix epoch."""

    topic: str
    partition: int
    offset: int
    append_time: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    @property
    def position(self) -> RecordPosition:
        return RecordPosition(self.topic, self.partition, self.offset)


def parse_position(text: str) -> RecordPosition:
    """Return the position that `text` names.

    Raises:
        ValueError: If `text` is not `topic:partition:offset`.
    """
    match = _POSITION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not topic:partition:offset")
    return RecordPosition(match[1], int(match[2]), int(match[3]))
