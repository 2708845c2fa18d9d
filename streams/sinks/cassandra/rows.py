"""Effects as rows of the tables in migrations/: pure, so that what is written can be read here."""

from collections.abc import Iterator

from streams.contracts.ids import id_time
from streams.projections.effects import (
    CreatePost,
    CreateStory,
    EditPost,
    Effects,
    Relation,
    SetRelation,
)
from streams.sinks.cassandra.cells import (
    HOUR_MS,
    INDEX_TIMESTAMP,
    author_bucket,
    encode_newest,
    encode_state,
    expiry_part,
    first_timestamp,
    state_timestamp,
)
from streams.sinks.cassandra.months import month_of
from streams.sinks.cassandra.payloads import encode_created, payload_of
from streams.sinks.cassandra.tag_uses import use_rows
from streams.sinks.cassandra.tagged import tag_rows
from streams.sinks.cassandra.viewings import view_rows, view_time_rows
from streams.sinks.cassandra.writes import Insert, Write

ACTIVE_SLACK_MS = 3_600_000
"""How much longer than the story the active index keeps its entry: clocks may differ so much."""
EXPIRIES_KEPT_S = 90 * 86_400
"""How long the end of a story waits for being told."""
_MAX_TTL_S = 366 * 86_400

_POST_CREATED = Insert("posts", ("post_id",), ("author_id", "created"))
_POST_EDITED = Insert("posts", ("post_id",), ("author_id", "edited"))
_POST_DELETED = Insert("posts", ("post_id",), ("author_id", "deleted"))
_STORY_CREATED = Insert("stories", ("story_id",), ("author_id", "created"))
_STORY_HIGHLIGHT = Insert("stories", ("story_id",), ("author_id", "highlight"))
_STORY_DELETED = Insert("stories", ("story_id",), ("author_id", "deleted"))
_COMMENT_CREATED = Insert("comments", ("comment_id",), ("content_id", "user_id", "created"))
_COMMENT_DELETED = Insert("comments", ("comment_id",), ("content_id", "user_id", "deleted"))

_AUTHOR_POST = Insert("posts_by_author", ("author_id", "bucket"), ("post_id",))
AUTHOR_BUCKET = Insert("author_buckets", ("author_id",), ("bucket",))
POST_MONTH = Insert("post_months", ("everything",), ("month",))
_REPOST = Insert("reposts_by_post", ("post_id",), ("repost_id",))
STORY_BUCKET = Insert("story_buckets", ("author_id",), ("bucket",))
_AUTHOR_STORY = Insert("stories_by_author", ("author_id", "bucket"), ("story_id",))
_ACTIVE_STORY = Insert("active_stories", ("author_id",), ("story_id", "event_id"), expires=True)
_EXPIRY = Insert(
    "story_expiries",
    ("hour", "part"),
    ("due_at", "story_id", "author_id", "expires_at"),
    expires=True,
)
_EXPIRY_HOUR = Insert("story_expiry_hours", ("everything",), ("hour",), expires=True)
_TOLD_EXPIRY = Insert("told_expiries", ("story_id",), ("author_id", "expires_at"))
_HIGHLIGHT = Insert("highlights_by_author", ("author_id",), ("story_id",))
COMMENTER = Insert("commenters_by_content", ("content_id",), ("user_id", "comment_id"))
_CONTENT_COMMENT = Insert("comments_by_content", ("content_id",), ("comment_id",))

_RELATIONS = {
    # one row under who acts, one under whom it concerns
    Relation.FOLLOW: (
        Insert("following", ("user_id",), ("target_id", "state")),
        Insert("followers", ("target_id",), ("user_id", "state")),
    ),
    Relation.BLOCK: (
        Insert("blocks_by_user", ("user_id",), ("target_id", "state")),
        Insert("blocks_by_target", ("target_id",), ("user_id", "state")),
    ),
    Relation.MUTE: (
        Insert("mutes_by_user", ("user_id",), ("target_id", "state")),
        Insert("mutes_by_target", ("target_id",), ("user_id", "state")),
    ),
}
_LIKES_BY_CONTENT = Insert("likes_by_content", ("content_id",), ("user_id", "state"))
_LIKES_BY_USER = Insert("likes_by_user", ("user_id",), ("content_id", "state"))
_TIER = Insert("author_tiers", ("bucket",), ("author_id", "tier"))
_PULLED_AUTHOR = Insert("author_tiers", ("bucket",), ("author_id", "pulled"))
_PULLED_POST = Insert("pulled_posts", ("post_id",), ())


def state_rows(effects: Effects) -> Iterator[Write]:
    """What decides every answer: content, pairs and views."""
    yield from _post_rows(effects)
    yield from _story_rows(effects)
    yield from _comment_rows(effects)
    for change in effects.relations:
        yield from _relation_rows(change)
    for like in effects.likes:
        cell, at = encode_state(like.stamp), state_timestamp(like.stamp)
        yield Write(_LIKES_BY_CONTENT, (like.content_id, like.user_id, cell, at))
        yield Write(_LIKES_BY_USER, (like.user_id, like.content_id, cell, at))
    yield from view_rows(effects.views)
    for author_id, stamp, tier in effects.tiers:
        cell, at = encode_state(stamp, tier.encode()), state_timestamp(stamp)
        yield Write(_TIER, (author_bucket(author_id), author_id, cell, at))
    for author_id, post_id in effects.pulls:
        yield Write(_PULLED_POST, (post_id, INDEX_TIMESTAMP))
        author = (author_bucket(author_id), author_id)
        yield Write(_PULLED_AUTHOR, (*author, encode_newest(post_id), INDEX_TIMESTAMP))


def index_rows(effects: Effects, now_ms: int) -> Iterator[Write]:
    """Where to find content: to be written when the content is durable.

    `now_ms` is the wall clock, which only decides what the index of active stories need not hold.
    """
    for post in effects.create_posts:
        bucket = month_of(post.post_id)
        yield Write(_AUTHOR_POST, (post.author_id, bucket, post.post_id, INDEX_TIMESTAMP))
        if post.repost_of is not None:
            yield Write(_REPOST, (post.repost_of, post.post_id, INDEX_TIMESTAMP))
    for author_id, bucket in {(p.author_id, month_of(p.post_id)) for p in effects.create_posts}:
        yield Write(AUTHOR_BUCKET, (author_id, bucket, INDEX_TIMESTAMP))
    for month in {month_of(post.post_id) for post in effects.create_posts}:
        yield Write(POST_MONTH, (0, month, INDEX_TIMESTAMP))
    tagging: list[CreatePost | EditPost] = [*effects.create_posts, *effects.edit_posts]
    yield from use_rows(tagging, now_ms)
    yield from tag_rows((tag, post.post_id) for post in tagging for tag in post.tags)
    for story in effects.create_stories:
        yield from _story_index_rows(story, now_ms)
    for author_id, bucket in {(s.author_id, month_of(s.story_id)) for s in effects.create_stories}:
        yield Write(STORY_BUCKET, (author_id, bucket, INDEX_TIMESTAMP))
    for change in effects.highlights:
        yield Write(_HIGHLIGHT, (change.author_id, change.story_id, INDEX_TIMESTAMP))
    for comment in effects.create_comments:
        yield Write(_CONTENT_COMMENT, (comment.content_id, comment.comment_id, INDEX_TIMESTAMP))
        place = (comment.content_id, comment.user_id, comment.comment_id)
        yield Write(COMMENTER, (*place, INDEX_TIMESTAMP))
    yield from view_time_rows(effects.views)


def _post_rows(effects: Effects) -> Iterator[Write]:
    for post in effects.create_posts:
        cell, at = encode_created(post), first_timestamp(post.event_id)
        yield Write(_POST_CREATED, (post.post_id, post.author_id, cell, at))
    for edit in effects.edit_posts:
        cell, at = encode_state(edit.stamp, payload_of(edit)), state_timestamp(edit.stamp)
        yield Write(_POST_EDITED, (edit.post_id, edit.author_id, cell, at))
    for key in effects.delete_posts:
        yield Write(_POST_DELETED, (*key, True, INDEX_TIMESTAMP))


def _story_rows(effects: Effects) -> Iterator[Write]:
    for story in effects.create_stories:
        cell, at = encode_created(story), first_timestamp(story.event_id)
        yield Write(_STORY_CREATED, (story.story_id, story.author_id, cell, at))
    for change in effects.highlights:
        cell = encode_state(change.stamp, change.title.encode())
        at = state_timestamp(change.stamp)
        yield Write(_STORY_HIGHLIGHT, (change.story_id, change.author_id, cell, at))
    for key in effects.delete_stories:
        yield Write(_STORY_DELETED, (*key, True, INDEX_TIMESTAMP))
    for told in effects.expiries:
        yield Write(_TOLD_EXPIRY, (*told, INDEX_TIMESTAMP))


def _comment_rows(effects: Effects) -> Iterator[Write]:
    for comment in effects.create_comments:
        key = (comment.comment_id, comment.content_id, comment.user_id)
        cell, at = encode_created(comment), first_timestamp(comment.event_id)
        yield Write(_COMMENT_CREATED, (*key, cell, at))
    for deletion in effects.delete_comments:
        yield Write(_COMMENT_DELETED, (*deletion, True, INDEX_TIMESTAMP))


def _relation_rows(change: SetRelation) -> Iterator[Write]:
    by_user, by_target = _RELATIONS[change.relation]
    cell, at = encode_state(change.stamp), state_timestamp(change.stamp)
    yield Write(by_user, (change.user_id, change.target_id, cell, at))
    yield Write(by_target, (change.target_id, change.user_id, cell, at))


def _story_index_rows(story: CreateStory, now_ms: int) -> Iterator[Write]:
    key = (story.author_id, month_of(story.story_id), story.story_id)
    yield Write(_AUTHOR_STORY, (*key, INDEX_TIMESTAMP))
    left_ms = story.expires_at + ACTIVE_SLACK_MS - now_ms
    if left_ms > 0:
        entry = (story.author_id, story.story_id, story.event_id)
        created_us = id_time(story.story_id) * 1000
        ttl_s = min(-(-left_ms // 1000), _MAX_TTL_S)
        yield Write(_ACTIVE_STORY, (*entry, created_us, ttl_s))
    yield from _expiry_rows(story, now_ms)


def _expiry_rows(story: CreateStory, now_ms: int) -> Iterator[Write]:
    """When the story's end is to be told: at the latest from now on, so that whoever tells need
    not look back."""
    due_at = max(story.expires_at, now_ms)
    hour, part = due_at // HOUR_MS, expiry_part(story.story_id)
    entry = (due_at, story.story_id, story.author_id, story.expires_at)
    written_us = now_ms * 1000
    ttl_s = min((due_at - now_ms) // 1000 + EXPIRIES_KEPT_S, _MAX_TTL_S)
    yield Write(_EXPIRY, (hour, part, *entry, written_us, ttl_s))
    yield Write(_EXPIRY_HOUR, (0, hour, written_us, ttl_s))
