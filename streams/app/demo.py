"""Whom and what a demonstration shows: chosen by what the events and the views hold."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from streams.app.read_side import ReadSide
from streams.contracts.events import ContentLiked, Event, StoryCreated, UserFollowed
from streams.projections.ports import ViewReader
from streams.serving import NotFoundError, author_stories, counts, story_viewers, tray

_READERS = 50
_MODEST = 40  # a feed of about as many authors as a person keeps up with


@dataclass(slots=True)
class Watched:
    """What passed by on the way to the log: who follows many, what is liked, the last instant."""

    follows: Counter[int] = field(default_factory=Counter)
    likes: Counter[int] = field(default_factory=Counter)
    stories: int = 0
    last: int = 0

    def watch(self, events: Iterable[Event]) -> Iterator[Event]:
        """The same events, seen in passing."""
        for event in events:
            self.last = max(self.last, event.occurred_at)
            match event:
                case UserFollowed():
                    self.follows[event.follower_id] += 1
                case ContentLiked():
                    self.likes[event.content_id] += 1
                case StoryCreated():
                    self.stories += 1
                case _:
                    pass
            yield event


class Cast(NamedTuple):
    """What to show: a reader, an instant with a tray and one without, a story, some content."""

    reader: int
    now: int
    later: int
    story: int | None
    owner: int | None
    content: int | None


def choose(side: ReadSide, watched: Watched) -> Cast:
    """A reader with a full feed and tray, the tray's most viewed story, the most liked content."""
    views, now = side.views, watched.last
    readers = [user for user, follows in watched.follows.most_common() if follows <= _MODEST]
    candidates = readers[:_READERS] or list(watched.follows)[:1]
    reader = max(candidates, key=lambda user: len(tray(views, user, now).entries))
    stories = [
        story
        for entry in tray(views, reader, now).entries
        for story in author_stories(views, entry.author_id, now)
    ]
    seen = max(stories, key=lambda s: _viewers(views, s.story_id, s.author_id), default=None)
    return Cast(
        reader=reader,
        now=now,
        later=max((story.expires_at for story in stories), default=now),
        story=seen.story_id if seen else None,
        owner=seen.author_id if seen else None,
        content=next((i for i, _ in watched.likes.most_common(50) if _is_live(views, i)), None),
    )


def _viewers(views: ViewReader, story: int, owner: int) -> int:
    return len(story_viewers(views, story, as_user=owner, limit=1000).viewers)


def _is_live(views: ViewReader, content: int) -> bool:
    try:
        counts(views, content)
    except NotFoundError:
        return False
    return True
