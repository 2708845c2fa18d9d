"""Effects as rows of the tables in migrations/: pure, so every row written can be read here."""

from collections.abc import Iterator

from streams.sinks.cassandra.tables.author_posts import author_post_rows
from streams.sinks.cassandra.tables.author_stories import story_bucket_rows, story_index_rows
from streams.sinks.cassandra.tables.comments import comment_index_rows, comment_rows
from streams.sinks.cassandra.tables.content_views import view_rows, view_time_rows
from streams.sinks.cassandra.tables.likes import like_rows
from streams.sinks.cassandra.tables.posts import post_rows, repost_rows
from streams.sinks.cassandra.tables.relations import relation_rows
from streams.sinks.cassandra.tables.stories import highlight_rows, story_rows
from streams.sinks.cassandra.tables.story_expiries import expiry_rows, published_rows
from streams.sinks.cassandra.tables.tag_posts import tag_rows
from streams.sinks.cassandra.tables.tag_uses import use_rows
from streams.sinks.cassandra.tables.tiers import tier_rows
from streams.sinks.cassandra.writes import Write
from streams.views.effects import CreatePost, EditPost, Effects


def state_rows(effects: Effects) -> Iterator[Write]:
    """Yield the rows that decide every answer: content, pairs and views."""
    yield from post_rows(effects)
    yield from story_rows(effects)
    yield from published_rows(effects.expiries)
    yield from comment_rows(effects)
    yield from relation_rows(effects.relations)
    yield from like_rows(effects.likes)
    yield from view_rows(effects.views)
    yield from tier_rows(effects)


def index_rows(effects: Effects, now_ms: int) -> Iterator[Write]:
    """Yield the rows that lead to content. Write them only once the content is durable.

    Args:
        effects: Effects of a batch.
        now_ms: Wall clock in milliseconds since the Unix epoch. It decides how long rows that
            expire are kept, which of them are too old to write, and when late ends of stories are
            due.
    """
    yield from author_post_rows(effects.create_posts)
    yield from repost_rows(effects.create_posts)
    tagged: list[CreatePost | EditPost] = [*effects.create_posts, *effects.edit_posts]
    yield from use_rows(tagged, now_ms)
    yield from tag_rows((tag, post.post_id) for post in tagged for tag in post.tags)
    for story in effects.create_stories:
        yield from story_index_rows(story, now_ms)
        yield from expiry_rows(story, now_ms)
    yield from story_bucket_rows(effects.create_stories)
    yield from highlight_rows(effects.highlights)
    yield from comment_index_rows(effects.create_comments)
    yield from view_time_rows(effects.views)
