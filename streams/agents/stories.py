"""Stories, their end and their highlights."""

from streams.agents.agent import Agent, view_steps

STORIES = Agent(topics=("social.stories.v1",), steps=view_steps)
