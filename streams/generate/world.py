"""State of the simulated network at one instant, shared by everything that happens in it."""

import heapq
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from streams.contracts.events import ContentKind, Event
from streams.contracts.ids import EPOCH_MS
from streams.contracts.times import DAY_MS
from streams.generate.calendar import Mint
from streams.generate.graph import FollowGraph
from streams.generate.memory import DeletedIds, Pairs, RecentItems
from streams.generate.power_laws import Crowd, power_law_with_top
from streams.generate.words import Words

TOP_SHARE = 0.1  # the most followed account's share of all users
FOLLOW_SHARE = 0.30  # of all events
FOLLOW_BACK = 0.15  # of all follows
_MOST_FOLLOWS = 25  # per user, on average
_RECENT = 16_384
_PER_MS = 100  # events on average: even the busiest millisecond then has ids for all
MAX_USERS = 10_000_000
LATEST_MS = EPOCH_MS + (1 << 41) - 1


class LiveContent(NamedTuple):
    """Content that can be liked, viewed or answered."""

    kind: ContentKind
    content_id: int
    owner_id: int
    expires_at: int = 0  # of stories only


class LiveComment(NamedTuple):
    comment_id: int
    user_id: int
    content: LiveContent


class Like(NamedTuple):
    user_id: int
    content: LiveContent


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan of a simulation: `events` of users 1..users in [start, start + duration) ms.

    `node` is the snowflake node of all ids (1001 to 1022 are reserved for generators); `oddities`
    is the share of events that are edge cases: valid, and hard to process. Raises ValueError if
    the values are out of range or do not fit together.
    """

    users: int
    events: int
    seed: int
    start: int
    duration: int = 7 * DAY_MS
    oddities: float = 0.005
    node: int = 1001

    def __post_init__(self) -> None:
        if not 1 <= self.users <= MAX_USERS:
            raise ValueError(f"users must be 1 to {MAX_USERS:,}")
        if not 1 <= self.events <= self.duration * _PER_MS:
            most = self.duration * _PER_MS
            raise ValueError(f"between 1 and {most:,} events fit into {self.duration:,} ms")
        if not EPOCH_MS <= self.start <= LATEST_MS - self.duration - DAY_MS:
            raise ValueError("the run must be between 2010 and 2079")

    @property
    def follows(self) -> int:
        """Number of follows among the events."""
        return max(1, min(int(self.events * FOLLOW_SHARE), self.users * _MOST_FOLLOWS))


class World:
    """State of the network at `now`; memory grows with the users, not with the events."""

    def __init__(self, plan: Plan) -> None:
        self.users = users = plan.users
        # Not for secrets: a run must be repeatable.
        self.rng = rng = Random(plan.seed)  # noqa: S311
        self.random = rng.random
        self.mint = Mint(plan.node)
        self.words = Words(max(64, users // 10), rng)
        self.crowd = Crowd(users, rng)
        # A user that a follower draws again adds nothing, hence a little more than the share.
        drawn = TOP_SHARE / (1 - TOP_SHARE) * users / (plan.follows * (1 - FOLLOW_BACK))
        self.fame = power_law_with_top(users, min(drawn, 0.5))
        self.graph = FollowGraph(users, int(plan.follows * 1.5) + users, rng)
        self.blocks = Pairs(users // 2, rng)
        self.mutes = Pairs(users // 2, rng)
        self.newest_post = array("q", [0]) * (users + 1)
        self.newest_story = array("q", [0]) * (users + 1)
        self.story_expiry = array("q", [0]) * (users + 1)
        self.follows: RecentItems[tuple[int, int]] = RecentItems(_RECENT, rng)
        self.posts: RecentItems[LiveContent] = RecentItems(_RECENT, rng)
        self.reposts: RecentItems[LiveContent] = RecentItems(_RECENT, rng)
        self.stories: RecentItems[LiveContent] = RecentItems(_RECENT, rng)
        self.highlights: RecentItems[LiveContent] = RecentItems(_RECENT, rng)
        self.comments: RecentItems[LiveComment] = RecentItems(_RECENT, rng)
        self.likes: RecentItems[Like] = RecentItems(_RECENT, rng)
        self.deleted = DeletedIds(2 * _RECENT)
        self._due: list[tuple[int, int, Callable[[World], Event]]] = []
        self._scheduled = 0

    @property
    def now(self) -> int:
        return self.mint.now

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def schedule(self, at_ms: int, make: Callable[["World"], Event]) -> None:
        """Schedule `make` for `at_ms`, in place of the event that would have happened next."""
        self._scheduled += 1
        heapq.heappush(self._due, (at_ms, self._scheduled, make))

    def due(self, at_ms: int) -> tuple[int, Callable[["World"], Event]] | None:
        """Remove and return what was scheduled first for `at_ms` or before, with its instant.

        Returns `None` if nothing was.
        """
        if not self._due or self._due[0][0] > at_ms:
            return None
        when, _, make = heapq.heappop(self._due)
        return when, make

    def blocked(self, user: int, other: int) -> bool:
        """Return whether a block hides the two users from each other."""
        return self.blocks.between(user, other)

    def visible_post(self, reader: int) -> tuple[LiveContent, bool] | None:
        """Return a post that the reader may come across, and whether in the home feed.

        Returns `None` if no draw finds one.
        """
        for _ in range(4):
            if self.chance(0.85) and (author := self.graph.followee(reader)):
                post_id = self.newest_post[author]
                if post_id and (reader, author) not in self.mutes:
                    return LiveContent(ContentKind.POST, post_id, author), True
            else:
                found = self.posts.pick()
                if found and found.owner_id != reader and not self.blocked(reader, found.owner_id):
                    return found, False
        return None

    def visible_story(self, reader: int) -> tuple[LiveContent, bool] | None:
        """Return an active story that the reader may come across, and whether in the tray.

        Returns `None` if no draw finds one.
        """
        now = self.now
        for _ in range(6):
            if self.chance(0.9) and (author := self.graph.followee(reader)):
                expires_at = self.story_expiry[author]
                if expires_at > now and (reader, author) not in self.mutes:
                    story = LiveContent(
                        ContentKind.STORY, self.newest_story[author], author, expires_at
                    )
                    return story, True
            else:
                found = self.stories.pick()
                if (
                    found
                    and found.expires_at > now
                    and found.owner_id != reader
                    and not self.blocked(reader, found.owner_id)
                ):
                    return found, False
        return None

    def visible_comment(self, reader: int) -> LiveComment | None:
        """Return a comment that the reader may come across, or `None` if the draw finds none."""
        found = self.comments.pick()
        if (
            found is None
            or found.content.content_id in self.deleted
            or 0 < found.content.expires_at <= self.now
            or self.blocked(reader, found.user_id)
            or self.blocked(reader, found.content.owner_id)
        ):
            return None
        return found
