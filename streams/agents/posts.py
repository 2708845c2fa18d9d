"""Posts: durable first, then pushed onto the warm timelines of followers or left to be pulled."""

from collections import defaultdict

from streams.agents.base import AgentDependencies, AgentSteps, ViewAgent, ViewSteps
from streams.agents.fanout import FanOut
from streams.projections.projection import Projected


class _PostSteps(ViewSteps):
    def __init__(self, services: AgentDependencies, topic: str) -> None:
        super().__init__(services, topic)
        self._distribution = FanOut(services)

    def apply(self, projected: Projected) -> None:
        """Durable views first, so that no timeline built meanwhile from them can miss a post
        whose delivery has passed it by."""
        super().apply(projected)
        posts = defaultdict(list)
        for post in projected.effects.create_posts:
            posts[post.author_id].append(post.post_id)
        if posts:
            self._distribution.distribute(posts)


def _steps(services: AgentDependencies, topic: str) -> AgentSteps:
    return _PostSteps(services, topic).steps


POSTS = ViewAgent(topics=("social.posts.v1",), steps=_steps)
