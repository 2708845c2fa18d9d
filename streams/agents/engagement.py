"""Agent of likes, views and comments of posts, stories and comments."""

from streams.agents.base import ViewAgent, view_steps

ENGAGEMENT = ViewAgent(
    topics=("social.likes.v1", "social.views.v1", "social.comments.v1"), steps=view_steps
)
