"""Edge lists, such as SNAP's: each line names two nodes, and the first follows the second.

An edge list has no times. Follows are spread over a year by a hash of the pair, so that a pair has
the same event in every file that contains it, in any order.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from streams.contracts.events import Event, UserFollowed
from streams.contracts.ids import MAX_ID, first_id_at, id_time
from streams.contracts.times import DAY_MS
from streams.importers.report import Reason, SkippedError

YEAR_MS: Final = 365 * DAY_MS
_COMMENTS: Final = (b"#", b"%")
_NUMBERS: Final = re.compile(rb"\s*(\d+)[\s,;]+(\d+)(?:[\s,;].*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class EdgeReader:
    """Reader of the lines of an edge list, which it turns into follows.

    Args:
        start_ms: Start of the year of the follows, milliseconds since the Unix epoch.
        offset: Added to each node's number: with 1, node 0 becomes user 1.
        undirected: If true, each line means a follow in both directions.
        reverse: If true, the second node follows the first.
    """

    start_ms: int
    offset: int = 1
    undirected: bool = False
    reverse: bool = False

    def read(self, raw: bytes) -> tuple[Event, ...]:
        """Return the one or two follows of a line. Raises SkippedError."""
        stripped = raw.strip()
        if not stripped:
            raise SkippedError(Reason.BLANK, "the line is blank")
        if stripped.startswith(_COMMENTS):
            raise SkippedError(Reason.COMMENT, "the line is a comment")
        numbers = _NUMBERS.fullmatch(raw)
        if numbers is None:
            raise SkippedError(Reason.NOT_TWO_NUMBERS, "two node numbers are expected")
        first, second = self._user(numbers[1]), self._user(numbers[2])
        if first == second:
            raise SkippedError(Reason.SELF_FOLLOW, "both nodes are the same")
        if self.undirected:
            return self._follow(first, second), self._follow(second, first)
        return (self._follow(second, first) if self.reverse else self._follow(first, second),)

    def _user(self, digits: bytes) -> int:
        # Longer numbers are out of range, and int() refuses very long ones.
        user = int(digits) + self.offset if len(digits) < 20 else 0
        if not 0 < user <= MAX_ID:
            raise SkippedError(
                Reason.ID_OUT_OF_RANGE,
                f"a node's number plus --offset {self.offset} must be from 1 to {MAX_ID}",
            )
        return user

    def _follow(self, follower: int, followee: int) -> UserFollowed:
        digest = hashlib.blake2b(b"%d>%d" % (follower, followee), digest_size=8).digest()
        # A fraction of the year in fixed point: 57 bits distinguish events.
        event_id = first_id_at(self.start_ms) + (
            int.from_bytes(digest, "big") * (YEAR_MS << 22) >> 64
        )
        return UserFollowed(
            event_id=event_id,
            occurred_at=id_time(event_id),
            follower_id=follower,
            followee_id=followee,
        )
