"""Actions of readers on content: likes, views and comments.

Each public function returns the event of one action, or `None` if the action is not possible now.
"""

from streams.contracts.events import (
    CommentCreated,
    CommentDeleted,
    ContentKind,
    ContentLiked,
    ContentUnliked,
    ContentViewed,
    Event,
    Surface,
)
from streams.generate.world import Like, LiveComment, LiveContent, World


def like(world: World) -> Event | None:
    reader, draw = world.crowd.anyone(), world.random()
    content: LiveContent | None = None
    if draw < 0.75:
        content = _first(world.visible_post(reader))
    elif draw < 0.9:
        content = _first(world.visible_story(reader))
    elif comment := world.visible_comment(reader):
        content = LiveContent(ContentKind.COMMENT, comment.comment_id, comment.user_id)
    if content is None:
        return None
    world.likes.add(Like(reader, content))
    return ContentLiked(
        event_id=world.mint.next_id(),
        occurred_at=world.now,
        user_id=reader,
        content_kind=content.kind,
        content_id=content.content_id,
        owner_id=content.owner_id,
    )


def unlike(world: World) -> Event | None:
    found = world.likes.take()
    if found is None or found.content.content_id in world.deleted:
        return None
    return ContentUnliked(
        event_id=world.mint.next_id(),
        occurred_at=world.now,
        user_id=found.user_id,
        content_kind=found.content.kind,
        content_id=found.content.content_id,
        owner_id=found.content.owner_id,
    )


def view_post(world: World) -> Event | None:
    reader = world.crowd.anyone()
    seen = world.visible_post(reader)
    if seen is None:
        return None
    elsewhere = Surface.PROFILE if world.chance(0.5) else Surface.SEARCH
    return _viewed(world, reader, seen[0], Surface.FEED if seen[1] else elsewhere)


def view_story(world: World) -> Event | None:
    reader = world.crowd.anyone()
    seen = world.visible_story(reader)
    if seen is None:
        return None
    return _viewed(world, reader, seen[0], Surface.STORY_TRAY if seen[1] else Surface.PROFILE)


def view_highlight(world: World) -> Event | None:
    reader, story = world.crowd.anyone(), world.highlights.pick()
    if story is None or story.owner_id == reader or story.content_id in world.deleted:
        return None
    if world.blocked(reader, story.owner_id):
        return None
    return _viewed(world, reader, story, Surface.HIGHLIGHT)


def comment(world: World) -> Event | None:
    """Comment on a post, answer a story, or answer another comment."""
    reader, draw = world.crowd.anyone(), world.random()
    parent, content = None, None
    if draw < 0.65:
        content = _first(world.visible_post(reader))
    elif draw < 0.85:
        content = _first(world.visible_story(reader))
    elif parent := world.visible_comment(reader):
        content = parent.content
    if content is None:
        return None
    comment_id = world.mint.next_id()
    world.comments.add(LiveComment(comment_id, reader, content))
    return CommentCreated(
        event_id=world.mint.next_id(),
        occurred_at=world.now,
        user_id=reader,
        comment_id=comment_id,
        content_kind=content.kind,
        content_id=content.content_id,
        owner_id=content.owner_id,
        text=world.words.answer(),
        reply_to=parent.comment_id if parent else None,
    )


def delete_comment(world: World) -> Event | None:
    """Delete a comment, as its author or as the owner of the content it is about."""
    found = world.comments.take()
    if found is None or found.content.content_id in world.deleted:
        return None
    world.deleted.add(found.comment_id)
    return CommentDeleted(
        event_id=world.mint.next_id(),
        occurred_at=world.now,
        user_id=found.user_id if world.chance(0.7) else found.content.owner_id,
        comment_id=found.comment_id,
        content_id=found.content.content_id,
    )


def _first(seen: tuple[LiveContent, bool] | None) -> LiveContent | None:
    return seen[0] if seen else None


def _viewed(world: World, reader: int, content: LiveContent, surface: Surface) -> Event:
    draw = world.random()
    return ContentViewed(
        event_id=world.mint.next_id(),
        occurred_at=world.now,
        user_id=reader,
        content_kind=content.kind,
        content_id=content.content_id,
        owner_id=content.owner_id,
        surface=surface,
        dwell_ms=200 + int(draw * draw * 30_000),
    )
