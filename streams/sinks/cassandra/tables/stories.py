"""Stories by id, and highlights by author."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from streams.sinks.cassandra.cells import (
    INDEX_TIMESTAMP,
    decode_state,
    encode_state,
    first_timestamp,
    state_timestamp,
)
from streams.sinks.cassandra.creates import winning_creates
from streams.sinks.cassandra.payloads import Payload, encode_created
from streams.sinks.cassandra.session import Session
from streams.sinks.cassandra.writes import Insert, Write
from streams.views.effects import Effects, SetHighlight
from streams.views.rows import StoryRow

_STORY_CREATED = Insert("stories", ("story_id",), ("author_id", "created"))
_STORY_HIGHLIGHT = Insert("stories", ("story_id",), ("author_id", "highlight"))
_STORY_DELETED = Insert("stories", ("story_id",), ("author_id", "deleted"))
_HIGHLIGHT = Insert("highlights_by_author", ("author_id",), ("story_id",))

_STORIES = (
    "SELECT story_id, created, author_id, highlight, deleted FROM stories WHERE story_id IN ?"
)
_HIGHLIGHTS = "SELECT story_id FROM highlights_by_author WHERE author_id = ?"


def story_rows(effects: Effects) -> Iterator[Write]:
    """Yield the rows of created, highlighted and deleted stories."""
    for story in effects.create_stories:
        cell, at = encode_created(story), first_timestamp(story.event_id)
        yield Write(_STORY_CREATED, (story.story_id, story.author_id, cell, at))
    for change in effects.highlights:
        cell = encode_state(change.stamp, change.title.encode())
        at = state_timestamp(change.stamp)
        yield Write(_STORY_HIGHLIGHT, (change.story_id, change.author_id, cell, at))
    for key in effects.delete_stories:
        yield Write(_STORY_DELETED, (*key, True, INDEX_TIMESTAMP))


def highlight_rows(highlights: Iterable[SetHighlight]) -> Iterator[Write]:
    """Yield the rows that list stories ever highlighted under their author."""
    for change in highlights:
        yield Write(_HIGHLIGHT, (change.author_id, change.story_id, INDEX_TIMESTAMP))


def read_stories(session: Session, ids: Collection[int]) -> Mapping[int, StoryRow]:
    """Return the stories that exist, by id."""
    return {
        story_id: _story(story_id, payload, *row[2:])
        for story_id, (payload, row) in winning_creates(session.rows_in(_STORIES, set(ids))).items()
    }


def _story(
    story_id: int, payload: Payload, author_id: int, highlight: bytes | None, deleted: bool | None
) -> StoryRow:
    change = None if highlight is None else decode_state(highlight)
    return StoryRow(
        story_id=story_id,
        author_id=author_id,
        media_url=payload["media_url"],
        caption=payload["caption"],
        expires_at=payload["expires_at"],
        highlight=change.payload.decode() if change and not change.stamp.ended else None,
        deleted=deleted is True,
    )


def read_highlights(session: Session, author: int) -> Sequence[int]:
    """Return the ids of stories that were ever highlighted by the author, oldest first."""
    return [row[0] for row in session.rows(_HIGHLIGHTS, author)]
