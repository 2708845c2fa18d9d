"""Actions of authors: posts, reposts, replies, stories and highlights.

Each public function returns the event of one action, or `None` if the action is not possible now.
"""

from streams.contracts.events import (
    ContentKind,
    Event,
    HighlightAdded,
    HighlightRemoved,
    PostCreated,
    PostDeleted,
    PostEdited,
    StoryCreated,
    StoryDeleted,
)
from streams.contracts.times import DAY_MS, HOUR_MS
from streams.generate.world import LiveContent, World


def post(world: World) -> Event:
    """Publish a post, which is always possible."""
    author, post_id = world.crowd.author(), world.mint.next_id()
    text, tags = world.words.post()
    world.posts.add(LiveContent(ContentKind.POST, post_id, author))
    world.newest_post[author] = post_id
    return PostCreated(
        event_id=world.mint.next_id(),
        occurred_at=world.now,
        author_id=author,
        post_id=post_id,
        text=text,
        hashtags=tags,
        media=_media(world, post_id),
    )


def reply(world: World) -> Event | None:
    """Publish a post that answers another one."""
    author = world.crowd.anyone()
    seen = world.visible_post(author)
    if seen is None:
        return None
    post_id, original = world.mint.next_id(), seen[0]
    world.posts.add(LiveContent(ContentKind.POST, post_id, author))
    world.newest_post[author] = post_id
    return PostCreated(
        event_id=world.mint.next_id(),
        occurred_at=world.now,
        author_id=author,
        post_id=post_id,
        text=world.words.answer(),
        reply_to=original.content_id,
        reply_to_author=original.owner_id,
    )


def repost(world: World) -> Event | None:
    """Repost a post. Reposts name the root, so others neither see nor repost them here."""
    author = world.crowd.anyone()
    seen = world.visible_post(author)
    if seen is None:
        return None
    post_id, original = world.mint.next_id(), seen[0]
    world.reposts.add(LiveContent(ContentKind.POST, post_id, author))
    return PostCreated(
        event_id=world.mint.next_id(),
        occurred_at=world.now,
        author_id=author,
        post_id=post_id,
        text="",
        repost_of=original.content_id,
        repost_of_author=original.owner_id,
    )


def edit(world: World) -> Event | None:
    found = world.posts.pick()
    if found is None:
        return None
    text, tags = world.words.post()
    return PostEdited(
        event_id=world.mint.next_id(),
        occurred_at=world.now,
        author_id=found.owner_id,
        post_id=found.content_id,
        text=text,
        hashtags=tags,
        media=_media(world, found.content_id),
    )


def delete(world: World) -> Event | None:
    """Delete a post or, one time in five, a repost."""
    found = (world.reposts if world.chance(0.2) else world.posts).take()
    if found is None:
        return None
    world.deleted.add(found.content_id)
    if world.newest_post[found.owner_id] == found.content_id:
        world.newest_post[found.owner_id] = 0
    return PostDeleted(
        event_id=world.mint.next_id(),
        occurred_at=world.now,
        author_id=found.owner_id,
        post_id=found.content_id,
    )


def story(world: World) -> Event | None:
    """Publish a story of a day or, one time in ten, of 1 to 12 hours."""
    author, story_id = world.crowd.author(), world.mint.next_id()
    life = HOUR_MS * (1 + int(world.random() * 12)) if world.chance(0.1) else DAY_MS
    expires_at = world.now + life
    world.stories.add(LiveContent(ContentKind.STORY, story_id, author, expires_at))
    world.newest_story[author] = story_id
    world.story_expiry[author] = expires_at
    return StoryCreated(
        event_id=world.mint.next_id(),
        occurred_at=world.now,
        author_id=author,
        story_id=story_id,
        media_url=f"https://media.example/s/{story_id}.jpg",
        caption=world.words.caption(),
        expires_at=expires_at,
    )


def delete_story(world: World) -> Event | None:
    found = world.stories.take()
    if found is None:
        return None
    world.deleted.add(found.content_id)
    if world.newest_story[found.owner_id] == found.content_id:
        world.story_expiry[found.owner_id] = 0
    return StoryDeleted(
        event_id=world.mint.next_id(),
        occurred_at=world.now,
        author_id=found.owner_id,
        story_id=found.content_id,
    )


def highlight(world: World) -> Event | None:
    found = world.stories.pick()
    if found is None:
        return None
    world.highlights.add(found)
    return HighlightAdded(
        event_id=world.mint.next_id(),
        occurred_at=world.now,
        author_id=found.owner_id,
        story_id=found.content_id,
        title=world.words.title(),
    )


def unhighlight(world: World) -> Event | None:
    found = world.highlights.take()
    if found is None or found.content_id in world.deleted:
        return None
    return HighlightRemoved(
        event_id=world.mint.next_id(),
        occurred_at=world.now,
        author_id=found.owner_id,
        story_id=found.content_id,
    )


def _media(world: World, post_id: int) -> tuple[str, ...]:
    return (f"https://media.example/p/{post_id}.jpg",) if world.chance(0.15) else ()
