"""Likes, views and comments. Likes and views are folded as columns: one effect per pair."""

import polars as pl

from streams.contracts.batch import Batch
from streams.projections.batch_rows import distinct
from streams.projections.creates import creates, others
from streams.projections.projection import Facts, Projected
from streams.views.effects import CreateComment, DeleteComment, SeeContent, SetLike, Stamp
from streams.views.rows import Content


def project_likes(batch: Batch, facts: Facts) -> Projected:  # noqa: ARG001 - one signature for all
    """Return the effects of a batch of `social.likes.v1`: the last stamp per (content, user)."""
    result = Projected()
    parts = []
    for record_type, ended in (("ContentLiked", False), ("ContentUnliked", True)):
        rows, repeated = distinct(batch, record_type)
        result.duplicates += repeated
        if rows is not None:
            result.applied += len(rows)
            parts.append(
                rows.select(
                    "content_id", "user_id", "occurred_at", "event_id", pl.lit(ended).alias("ended")
                )
            )
    if parts:
        last = (
            pl.concat(parts)
            .sort("occurred_at", "event_id", "ended")
            .unique(subset=["content_id", "user_id"], keep="last")
        )
        result.effects.likes = [
            SetLike(content_id, user_id, Stamp(occurred_at, event_id, ended))
            for content_id, user_id, occurred_at, event_id, ended in last.iter_rows()
        ]
    return result


def project_views(batch: Batch, facts: Facts) -> Projected:  # noqa: ARG001 - one signature for all
    """Return the effects of a batch of `social.views.v1`: the first view of each (content, viewer).

    A view by the owner that the event names is not counted.
    """
    result = Projected()
    rows, repeated = distinct(batch, "ContentViewed")
    result.duplicates += repeated
    if rows is not None:
        result.applied += len(rows)
        first = (
            rows.filter(pl.col("user_id") != pl.col("owner_id"))
            .group_by("content_id", "user_id")
            .agg(pl.col("occurred_at").min(), (pl.col("content_kind") == "STORY").any())
        )
        result.effects.views = [SeeContent(*row) for row in first.iter_rows()]
    return result


def project_comments(batch: Batch, facts: Facts) -> Projected:
    """Return the effects of a batch of `social.comments.v1`."""
    result = Projected()
    known = facts.get(Content.COMMENT, {})
    result.effects.create_comments = [
        CreateComment(
            comment_id=row["comment_id"],
            content_id=row["content_id"],
            user_id=row["user_id"],
            owner_id=row["owner_id"],
            event_id=row["event_id"],
            text=row["text"],
            reply_to=row["reply_to"],
        )
        for row in creates(
            batch, "CommentCreated", "comment_id", known, result, result.effects.contested_comments
        )
    ]
    result.effects.delete_comments = [
        DeleteComment(row["comment_id"], row["content_id"], row["user_id"])
        for row in others(batch, "CommentDeleted", result)
    ]
    return result
