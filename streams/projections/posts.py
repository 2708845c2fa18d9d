"""Posts: created, edited, deleted."""

from collections.abc import Sequence

from streams.contracts.batch import Batch
from streams.contracts.tags import tag_key
from streams.projections.creates import creates, others
from streams.projections.projection import Facts, Projected
from streams.views.effects import CreatePost, DeletePost, EditPost, Stamp
from streams.views.rows import Content


def tag_keys(hashtags: Sequence[str]) -> tuple[str, ...]:
    """Return the hashtags' keys in order, without empty keys and repetitions."""
    return tuple(dict.fromkeys(key for key in map(tag_key, hashtags) if key))


def project_posts(batch: Batch, facts: Facts) -> Projected:
    """Return the effects of a batch of `social.posts.v1`."""
    result = Projected()
    effects = result.effects
    known = facts.get(Content.POST, {})
    effects.create_posts = [
        CreatePost(
            post_id=row["post_id"],
            author_id=row["author_id"],
            event_id=row["event_id"],
            text=row["text"],
            hashtags=row["hashtags"],
            tags=tag_keys(row["hashtags"]),
            media=row["media"],
            reply_to=row["reply_to"],
            reply_to_author=row["reply_to_author"],
            repost_of=row["repost_of"],
            repost_of_author=row["repost_of_author"],
        )
        for row in creates(batch, "PostCreated", "post_id", known, result, effects.contested_posts)
    ]
    effects.edit_posts = [
        EditPost(
            post_id=row["post_id"],
            author_id=row["author_id"],
            stamp=Stamp(row["occurred_at"], row["event_id"]),
            text=row["text"],
            hashtags=row["hashtags"],
            tags=tag_keys(row["hashtags"]),
            media=row["media"],
        )
        for row in others(batch, "PostEdited", result)
    ]
    effects.delete_posts = [
        DeletePost(row["post_id"], row["author_id"]) for row in others(batch, "PostDeleted", result)
    ]
    return result
