"""Effects about a range of ids that no other test uses, and a clock that stands still."""

import random
from dataclasses import dataclass, field
from typing import Protocol

from streams.contracts.ids import make_id
from streams.views.effects import (
    CreateComment,
    CreatePost,
    CreateStory,
    EditPost,
    Relation,
    SetHighlight,
    SetLike,
    SetRelation,
    Stamp,
)
from streams.views.store import ViewReader, ViewSink
from streams.views.story_expiry import ExpiryIndex

MS_2024 = 1_704_067_200_000  # 2024-01-01T00:00:00Z
DAY_MS = 86_400_000


class Store(ViewSink, ViewReader, Protocol):
    """What the suite asks of: both sides of the views."""

    @property
    def expiries(self) -> ExpiryIndex: ...


@dataclass
class Clock:
    """A wall clock that a test sets."""

    now: int = MS_2024

    def __call__(self) -> int:
        return self.now


@dataclass
class Scope:
    """Ids, users and tags of one test; effects with everything unnamed filled in."""

    seed: int
    _random: random.Random = field(init=False)
    _last: int = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._last = self._random.getrandbits(60) + 1

    def user(self) -> int:
        """A user, and a fresh id in general: each is larger than the one before."""
        self._last += self._random.randint(1, 9)
        return self._last

    def users(self, count: int) -> list[int]:
        return [self.user() for _ in range(count)]

    def content(self, at_ms: int = MS_2024) -> int:
        """An id made at this time."""
        return make_id(at_ms) | self._random.getrandbits(22)

    def tag(self) -> str:
        return f"tag{self.user()}"

    def post(
        self,
        post_id: int,
        author: int,
        event_id: int,
        text: str = "text",
        *,
        tags: tuple[str, ...] = (),
        repost_of: int | None = None,
    ) -> CreatePost:
        return CreatePost(
            post_id=post_id,
            author_id=author,
            event_id=event_id,
            text=text,
            hashtags=tags,
            tags=tags,
            media=(),
            reply_to=None,
            reply_to_author=None,
            repost_of=repost_of,
            repost_of_author=None if repost_of is None else author,
        )

    def edit(
        self, post_id: int, author: int, stamp: Stamp, text: str, tags: tuple[str, ...] = ()
    ) -> EditPost:
        return EditPost(post_id, author, stamp, text, tags, tags, ("media",))

    def story(
        self,
        story_id: int,
        author: int,
        event_id: int,
        caption: str = "caption",
        expires_at: int = MS_2024 + DAY_MS,
    ) -> CreateStory:
        return CreateStory(story_id, author, event_id, "media", caption, expires_at)

    def comment(
        self,
        comment_id: int,
        content_id: int,
        user: int,
        event_id: int,
        *,
        owner: int,
        text: str = "text",
    ) -> CreateComment:
        return CreateComment(comment_id, content_id, user, owner, event_id, text, None)

    def highlight(self, story_id: int, author: int, stamp: Stamp) -> SetHighlight:
        title = "" if stamp.ended else f"title of {stamp.event_id}"
        return SetHighlight(story_id, author, stamp, title)

    def relation(self, relation: Relation, user: int, target: int, stamp: Stamp) -> SetRelation:
        return SetRelation(relation, user, target, stamp)

    def like(self, content_id: int, user: int, stamp: Stamp) -> SetLike:
        return SetLike(content_id, user, stamp)
