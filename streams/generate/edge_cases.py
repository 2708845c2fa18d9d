"""Events that are valid and hard to process: out of order, without effect, twice at one instant.

Each function makes one kind, or returns `None` if it is not possible now. A fold that gets one
wrong stays wrong permanently, so a small share of every generated stream consists of these.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from streams.contracts.events import (
    CommentCreated,
    CommentDeleted,
    ContentKind,
    ContentLiked,
    ContentUnliked,
    ContentViewed,
    Event,
    HighlightRemoved,
    PostCreated,
    PostDeleted,
    PostEdited,
    StoryCreated,
    StoryDeleted,
    Surface,
    UserFollowed,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from streams.contracts.times import DAY_MS, MINUTE_MS
from streams.generate import content
from streams.generate.world import LiveContent, World

Oddity = Callable[[World], Event | None]


def before_post(world: World) -> Event | None:
    """Make a like, view, comment, edit or delete that happens before the post it is about."""
    author, reader = world.crowd.author(), world.crowd.anyone()
    created_at = world.now + 1 + int(world.random() * MINUTE_MS)
    post_id = world.mint.ahead(created_at)
    text, tags = world.words.post()
    created = PostCreated(
        event_id=0, occurred_at=created_at, author_id=author, post_id=post_id, text=text,
        hashtags=tags,
    )  # fmt: skip
    world.schedule(created_at, partial(_late, created=created))
    event_id, now = world.mint.next_id(), world.now
    kind, choice = ContentKind.POST, int(world.random() * 5)
    if choice == 0:
        return PostDeleted(event_id=event_id, occurred_at=now, author_id=author, post_id=post_id)
    if choice == 1:
        return PostEdited(
            event_id=event_id, occurred_at=now, author_id=author, post_id=post_id, text=text,
            hashtags=("edited",),
        )  # fmt: skip
    if choice == 2:
        return CommentCreated(
            event_id=event_id, occurred_at=now, user_id=reader, comment_id=world.mint.next_id(),
            content_kind=kind, content_id=post_id, owner_id=author, text=world.words.answer(),
        )  # fmt: skip
    if choice == 3:
        return _liked(event_id, now, reader, LiveContent(kind, post_id, author))
    return _viewed(event_id, now, reader, LiveContent(kind, post_id, author), Surface.FEED)


def before_story(world: World) -> Event | None:
    """Make a view, like or delete that happens before the story it is about."""
    author, reader = world.crowd.author(), world.crowd.anyone()
    created_at = world.now + 1 + int(world.random() * MINUTE_MS)
    story_id = world.mint.ahead(created_at)
    created = StoryCreated(
        event_id=0, occurred_at=created_at, author_id=author, story_id=story_id,
        media_url=f"https://media.example/s/{story_id}.jpg", caption=world.words.caption(),
        expires_at=created_at + DAY_MS,
    )  # fmt: skip
    world.schedule(created_at, partial(_late, created=created))
    event_id, now = world.mint.next_id(), world.now
    content, choice = LiveContent(ContentKind.STORY, story_id, author), int(world.random() * 3)
    if choice == 0:
        return StoryDeleted(event_id=event_id, occurred_at=now, author_id=author, story_id=story_id)
    if choice == 1:
        return _liked(event_id, now, reader, content)
    return _viewed(event_id, now, reader, content, Surface.STORY_TRAY)


def ending_without_beginning(world: World) -> Event | None:
    """Make an unfollow, unblock or unmute of a random pair, which is usually not in force."""
    user, other = world.crowd.anyone(), world.crowd.anyone()
    if user == other:
        return None
    event_id, now = world.mint.next_id(), world.now
    choice = int(world.random() * 3)
    if choice == 0:
        world.graph.unfollow(user, other)
        return UserUnfollowed(
            event_id=event_id, occurred_at=now, follower_id=user, followee_id=other
        )
    if choice == 1 and not world.blocked(user, other):
        return UserUnblocked(event_id=event_id, occurred_at=now, user_id=user, target_id=other)
    if (user, other) not in world.mutes:
        return UserUnmuted(event_id=event_id, occurred_at=now, user_id=user, target_id=other)
    return None


def unlike_without_like(world: World) -> Event | None:
    reader, found = world.crowd.anyone(), world.posts.pick()
    if found is None:
        return None
    return ContentUnliked(
        event_id=world.mint.next_id(), occurred_at=world.now, user_id=reader,
        content_kind=found.kind, content_id=found.content_id, owner_id=found.owner_id,
    )  # fmt: skip


def by_a_stranger(world: World) -> Event | None:
    """Make an edit or deletion by a user who does not own the content: it changes nothing."""
    stranger, choice = world.crowd.anyone(), int(world.random() * 5)
    event_id, now = world.mint.next_id(), world.now
    if choice == 0 and (comment := world.comments.pick()):
        if stranger in (comment.user_id, comment.content.owner_id):
            return None
        return CommentDeleted(
            event_id=event_id, occurred_at=now, user_id=stranger, comment_id=comment.comment_id,
            content_id=comment.content.content_id,
        )  # fmt: skip
    found = (world.stories if choice > 2 else world.posts).pick()
    if found is None or found.owner_id == stranger:
        return None
    target = found.content_id
    if choice == 3:
        return StoryDeleted(event_id=event_id, occurred_at=now, author_id=stranger, story_id=target)
    if choice == 4:
        return HighlightRemoved(
            event_id=event_id, occurred_at=now, author_id=stranger, story_id=target
        )
    if choice == 1:
        return PostDeleted(event_id=event_id, occurred_at=now, author_id=stranger, post_id=target)
    return PostEdited(
        event_id=event_id, occurred_at=now, author_id=stranger, post_id=target,
        text="This is not mine to edit.", hashtags=("hijacked",),
    )  # fmt: skip


def again(world: World) -> Event | None:
    """Repeat a like that is in force in a new event."""
    found = world.likes.pick()
    if found is None or found.content.content_id in world.deleted:
        return None
    return _liked(world.mint.next_id(), world.now, found.user_id, found.content)


def flip_follow(world: World) -> Event | None:
    """Make a follow and its end in the same millisecond: the order of event ids decides."""
    follower, followee = world.crowd.anyone(), world.crowd.anyone()
    if follower == followee or world.blocked(follower, followee):
        return None
    world.graph.unfollow(follower, followee)
    followed = UserFollowed(
        event_id=world.mint.next_id(), occurred_at=world.now, follower_id=follower,
        followee_id=followee,
    )  # fmt: skip
    ended = UserUnfollowed(
        event_id=0, occurred_at=world.now, follower_id=follower, followee_id=followee
    )
    world.schedule(world.now, partial(_late, created=ended))
    return followed


def follow_in_a_block(world: World) -> Event | None:
    """Make a follow that the API would have refused: it is hidden while the block lasts."""
    pair = world.blocks.pick()
    if pair is None:
        return None
    return UserFollowed(
        event_id=world.mint.next_id(), occurred_at=world.now, follower_id=pair[0],
        followee_id=pair[1],
    )  # fmt: skip


def by_its_owner(world: World) -> Event | None:
    """Make a like (which counts) or a view (which does not) by the content's owner."""
    found = world.posts.pick()
    if found is None:
        return None
    event_id, now = world.mint.next_id(), world.now
    if world.chance(0.5):
        return _liked(event_id, now, found.owner_id, found)
    return _viewed(event_id, now, found.owner_id, found, Surface.PROFILE)


def edit_after_delete(world: World) -> Event | None:
    deleted = content.delete(world)
    if not isinstance(deleted, PostDeleted):
        return None
    edited = PostEdited(
        event_id=0, occurred_at=world.now + 1000, author_id=deleted.author_id,
        post_id=deleted.post_id, text="Too late.", hashtags=("late",),
    )  # fmt: skip
    world.schedule(edited.occurred_at, partial(_late, created=edited))
    return deleted


def view_after_expiry(world: World) -> Event | None:
    """Make a view of a story at any age, from its author's pages: it counts."""
    reader, found = world.crowd.anyone(), world.stories.pick()
    if found is None or found.owner_id == reader or world.blocked(reader, found.owner_id):
        return None
    return _viewed(world.mint.next_id(), world.now, reader, found, Surface.PROFILE)


def like_of_another_kind(world: World) -> Event | None:
    """Make a like whose `content_kind` is wrong: the id alone identifies content."""
    reader, found = world.crowd.anyone(), world.posts.pick()
    if found is None or world.blocked(reader, found.owner_id):
        return None
    content = found._replace(kind=ContentKind.COMMENT)
    return _liked(world.mint.next_id(), world.now, reader, content)


ODDITIES: tuple[Oddity, ...] = (
    before_post,
    before_story,
    ending_without_beginning,
    unlike_without_like,
    by_a_stranger,
    again,
    flip_follow,
    follow_in_a_block,
    by_its_owner,
    edit_after_delete,
    view_after_expiry,
    like_of_another_kind,
)


def edge_case(world: World) -> Event | None:
    """Make one of `ODDITIES`, each equally likely."""
    return ODDITIES[int(world.random() * len(ODDITIES))](world)


def _late(world: World, created: Event) -> Event:
    return replace(created, event_id=world.mint.next_id(), occurred_at=created.occurred_at)


def _liked(event_id: int, now: int, user: int, content: LiveContent) -> Event:
    return ContentLiked(
        event_id=event_id, occurred_at=now, user_id=user, content_kind=content.kind,
        content_id=content.content_id, owner_id=content.owner_id,
    )  # fmt: skip


def _viewed(event_id: int, now: int, user: int, content: LiveContent, surface: Surface) -> Event:
    return ContentViewed(
        event_id=event_id, occurred_at=now, user_id=user, content_kind=content.kind,
        content_id=content.content_id, owner_id=content.owner_id, surface=surface, dwell_ms=900,
    )  # fmt: skip
