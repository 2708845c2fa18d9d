"""Who follows, blocks and mutes whom."""

from streams.agents.agent import ViewAgent, view_steps

GRAPH = ViewAgent(topics=("social.follows.v1", "social.blocks.v1"), steps=view_steps)
