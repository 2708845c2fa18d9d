"""The small world that generated events are about: few users, ids, times and tags.

Few of each make events meet: two creates of one id, a block between two who follow each other.
Every world of another `offset` has other users, contents and tags, so that many of them can live
in one store.
"""

from dataclasses import dataclass
from functools import cached_property

HOUR = 3_600_000
DAY = 24 * HOUR
EPOCH_MS = 1_262_304_000_000
START = 1_706_702_400_000  # 2024-01-31T12:00:00Z: half a day on, it is the next month

POST_TIMES = (0, 0, 1, 13 * HOUR, -40 * DAY, -400 * DAY)
STORY_TIMES = (0, 0, 1, 6 * HOUR, 23 * HOUR)
COMMENT_TIMES = (0, 0, HOUR, 30 * HOUR)
EVENT_TIMES = (0, 1, HOUR, DAY - 1, DAY, DAY + 1, 30 * HOUR, -1, 400 * DAY, -START)
LIFETIMES = (DAY, 1, HOUR, DAY - 1)
WORLDS = 1 << 16
_SLOTS = 1 << 6


@dataclass(frozen=True)
class World:
    """Who and what a network's events may name. `offset` is below WORLDS."""

    offset: int = 0
    population: int = 4

    @cached_property
    def users(self) -> tuple[int, ...]:
        """Users who act; some ids are no exact doubles, and some differ only as such."""
        small, large = self.offset << 24, (1 << 62) + self.offset * 8
        every = (small + 1, small + 2, large + 1, large + 2, small + 3)
        return every[: self.population]

    @property
    def stranger(self) -> int:
        """A user whom no event names."""
        return (self.offset << 24) + 7

    @cached_property
    def posts(self) -> tuple[int, ...]:
        return tuple(self._id(at, slot) for slot, at in enumerate(POST_TIMES))

    @cached_property
    def stories(self) -> tuple[int, ...]:
        return tuple(self._id(at, 16 + slot) for slot, at in enumerate(STORY_TIMES))

    @cached_property
    def comments(self) -> tuple[int, ...]:
        return tuple(self._id(at, 32 + slot) for slot, at in enumerate(COMMENT_TIMES))

    @property
    def unknown(self) -> int:
        """An id that nothing is ever created under."""
        return self._id(0, 48)

    @property
    def contents(self) -> tuple[int, ...]:
        return (*self.posts, *self.stories, *self.comments, self.unknown)

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Spellings of five tags, and three of none."""
        own = str(self.offset)
        plain = (
            *("straße", "#STRASSE", "ﬁn", "##Fin", "caf\u00e9", "＃Cafe\u0301", ":{*}\u0130"),
            # One tag, though folding the case of the normal forms leaves two orders of its marks.
            *("\u01f0\u0323", "J\u0323\u030c"),
        )
        return (*(tag + own for tag in plain), "#", "", "＃")

    def owner(self, content_id: int) -> int:
        """Whose a content is, unless events disagree."""
        return self.users[self.contents.index(content_id) % len(self.users)]

    def event_id(self, rank: int) -> int:
        """Event ids in the order of ranks; their last bytes are ordered otherwise."""
        return (self.offset << 24) + rank * 200 + 1

    def _id(self, at: int, slot: int) -> int:
        return (START + at - EPOCH_MS) << 22 | (self.offset * _SLOTS + slot)
