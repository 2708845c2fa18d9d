"""Who follows, blocks and mutes whom."""

from streams.agents.agent import Agent, view_steps

GRAPH = Agent(topics=("social.follows.v1", "social.blocks.v1"), steps=view_steps)
