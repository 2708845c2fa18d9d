"""Registry of all consumer groups, in the order of the flow, upstream first."""

from typing import Any

from streams.agents.base import Agent
from streams.agents.delivery import DELIVERY
from streams.agents.engagement import ENGAGEMENT
from streams.agents.graph import GRAPH
from streams.agents.lake import LAKE
from streams.agents.posts import POSTS
from streams.agents.stories import STORIES

AGENTS: dict[str, Agent[Any]] = {
    "graph": GRAPH,  # follows, blocks, mutes, tiers    -> durable relations
    "posts": POSTS,  # posts                            -> durable posts, warm timelines, tasks
    "stories": STORIES,  # stories and highlights       -> durable stories
    "engagement": ENGAGEMENT,  # likes, views, comments -> durable engagement
    "delivery": DELIVERY,  # tasks that `posts` wrote   -> warm timelines, further tasks
    "lake": LAKE,  # every source topic                 -> bronze tables, quarantine
}

STAGES: tuple[tuple[str, ...], ...] = (
    ("posts", "stories", "engagement"),
    ("graph", "delivery", "lake"),
)
"""Groups by distance from the source: a later stage reads what an earlier one writes."""
