"""The whole flow on one screen: topic -> the projection of its events, and its facts."""

from collections.abc import Callable
from typing import NamedTuple

import pyarrow.compute as pc

from streams.contracts.batch import Batch
from streams.projections.engagement import project_comments, project_likes, project_views
from streams.projections.graph import project_graph
from streams.projections.posts import project_posts
from streams.projections.projection import Facts, Projected
from streams.projections.stories import project_stories
from streams.projections.tiers import project_tiers
from streams.views.rows import Content

Projection = Callable[[Batch, Facts], Projected]


class _Creates(NamedTuple):
    """The creating record type of a topic, whose ids are looked up before projecting."""

    content: Content
    record_type: str
    id_field: str


PROJECTIONS: dict[str, Projection] = {
    "social.posts.v1": project_posts,
    "social.stories.v1": project_stories,
    "social.follows.v1": project_graph,
    "social.blocks.v1": project_graph,
    "social.likes.v1": project_likes,
    "social.views.v1": project_views,
    "social.comments.v1": project_comments,
    "social.tiers.v1": project_tiers,
}

_CREATES: dict[str, _Creates] = {
    "social.posts.v1": _Creates(Content.POST, "PostCreated", "post_id"),
    "social.stories.v1": _Creates(Content.STORY, "StoryCreated", "story_id"),
    "social.comments.v1": _Creates(Content.COMMENT, "CommentCreated", "comment_id"),
}


def facts_needed(batch: Batch) -> dict[Content, set[int]]:
    """Return the content ids whose winning create must be in `project`'s facts."""
    creating = _CREATES.get(batch.topic)
    columns = batch.columns.get(creating.record_type) if creating else None
    if creating is None or columns is None:
        return {}
    return {creating.content: set(pc.unique(columns.column(creating.id_field)).to_pylist())}


def project(batch: Batch, facts: Facts) -> Projected:
    """Fold a batch of one topic into effects. Pure: equal arguments give equal effects."""
    return PROJECTIONS[batch.topic](batch, facts)
