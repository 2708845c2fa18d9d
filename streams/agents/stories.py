"""Agent of stories, their end and their highlights."""

from streams.agents.base import ViewAgent, view_steps

STORIES = ViewAgent(topics=("social.stories.v1",), steps=view_steps)
