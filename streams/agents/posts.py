"""Posts: durable first, then onto the warm timelines of followers, the rest as tasks."""

from collections import defaultdict

from streams.agents.agent import AgentSteps, Services, ViewAgent, ViewSteps
from streams.contracts.ids import id_time
from streams.projections.projected import Projected
from streams.sinks.redis.tasks import task_of


class _PostSteps(ViewSteps):
    def apply(self, projected: Projected) -> None:
        """Durable views, timelines, tasks: in this order, so that no timeline built meanwhile
        from the durable views can miss a post whose delivery has passed it by."""
        super().apply(projected)
        posts = defaultdict(list)
        for post in projected.effects.create_posts:
            posts[post.author_id].append(post.post_id)
        if posts:
            services = self._services
            rest = services.timelines.deliver(posts, services.inline_followers)
            if rest:
                services.send_tasks([task_of(part, id_time(part.post_id)) for part in rest])


def _steps(services: Services, topic: str) -> AgentSteps:
    return _PostSteps(services, topic).steps


POSTS = ViewAgent(topics=("social.posts.v1",), steps=_steps)
