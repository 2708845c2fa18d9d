"""Stories: created, deleted, expired, put into highlights and taken out."""

from streams.contracts.batch import Batch
from streams.projections.creates import creates, others
from streams.projections.projection import Facts, Projected
from streams.views.effects import CreateStory, DeleteStory, SetHighlight, Stamp
from streams.views.rows import Content
from streams.views.story_expiry import Expiry


def project_stories(batch: Batch, facts: Facts) -> Projected:
    """Return the effects of a batch of `social.stories.v1`."""
    result = Projected()
    effects = result.effects
    known = facts.get(Content.STORY, {})
    effects.create_stories = [
        CreateStory(
            story_id=row["story_id"],
            author_id=row["author_id"],
            event_id=row["event_id"],
            media_url=row["media_url"],
            caption=row["caption"],
            expires_at=row["expires_at"],
        )
        for row in creates(
            batch, "StoryCreated", "story_id", known, result, effects.contested_stories
        )
    ]
    effects.delete_stories = [
        DeleteStory(row["story_id"], row["author_id"])
        for row in others(batch, "StoryDeleted", result)
    ]
    effects.highlights = [
        SetHighlight(
            row["story_id"],
            row["author_id"],
            Stamp(row["occurred_at"], row["event_id"]),
            row["title"],
        )
        for row in others(batch, "HighlightAdded", result)
    ] + [
        SetHighlight(
            row["story_id"],
            row["author_id"],
            Stamp(row["occurred_at"], row["event_id"], ended=True),
            "",
        )
        for row in others(batch, "HighlightRemoved", result)
    ]
    # No view depends on expiries: reads decide visibility by time.
    effects.expiries = [
        Expiry(row["story_id"], row["author_id"], row["occurred_at"])
        for row in others(batch, "StoryExpired", result)
    ]
    return result
