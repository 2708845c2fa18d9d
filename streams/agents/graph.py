"""Who follows, blocks and mutes whom, and how authors' posts reach their readers."""

from streams.agents.base import ViewAgent, view_steps

GRAPH = ViewAgent(
    topics=("social.follows.v1", "social.blocks.v1", "social.tiers.v1"), steps=view_steps
)
