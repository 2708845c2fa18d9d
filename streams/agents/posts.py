"""Agent of posts: durable first, then pushed onto warm timelines or left for readers to pull."""

from collections import defaultdict

from streams.agents.base import AgentDependencies, AgentSteps, ViewAgent, ViewSteps
from streams.agents.fanout import FanOut
from streams.projections.projection import Projected


class _PostSteps(ViewSteps):
    def __init__(self, services: AgentDependencies, topic: str) -> None:
        super().__init__(services, topic)
        self._distribution = FanOut(services)

    def apply(self, projected: Projected) -> None:
        """Apply the effects to the durable views, then distribute the posts.

        In this order, no timeline that is built from the durable views at the same time can miss a
        post whose delivery has passed it by.
        """
        super().apply(projected)
        posts = defaultdict(list)
        for post in projected.effects.create_posts:
            posts[post.author_id].append(post.post_id)
        if posts:
            self._distribution.distribute(posts)


def _steps(services: AgentDependencies, topic: str) -> AgentSteps:
    return _PostSteps(services, topic).steps


POSTS = ViewAgent(topics=("social.posts.v1",), steps=_steps)
