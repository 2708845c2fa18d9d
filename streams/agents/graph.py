"""Agent of follows, blocks and mutes, and of tiers, which say how authors' posts reach readers."""

from streams.agents.base import ViewAgent, view_steps

GRAPH = ViewAgent(
    topics=("social.follows.v1", "social.blocks.v1", "social.tiers.v1"), steps=view_steps
)
