"""The agents' steps over memory stores: what reaches the views, the timelines and the tasks."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from streams.agents.base import AgentDependencies, AgentSteps
from streams.agents.fanout import FOLLOWERS_FRESH_S, FanOutMode
from streams.agents.internal_events import to_messages
from streams.agents.registry import AGENTS, STAGES
from streams.contracts.catalog import captured_topics, schemas, topics
from streams.contracts.codec import encode
from streams.contracts.events import AuthorTierChanged, DeliveryTask, Event, PostCreated, Tier
from streams.contracts.ids import id_time, make_id
from streams.projections.tier_policy import TierLimits
from streams.record import Record
from streams.sinks.memory.pull_set import MemoryPullSet
from streams.sinks.memory.store import MemoryStore
from streams.sinks.memory.timeline_cache import MemoryTimelineCache
from streams.views.effects import Effects, Relation, SetRelation, Stamp
from streams.views.store import Views
from tests.contract.timeline_suite import current_timeline
from tests.support.batches import raw_batches

TOPIC = "storyline.fanout.v1"
AUTHOR, READERS = 1, range(100, 130)
NOW = 1_735_689_600_000
DIGEST = b"0" * 16
SCHEMA_IDS = {name: number for number, name in enumerate(sorted(schemas()), start=1)}


class World:
    """Memory stores, and the tasks that the broker would hold."""

    def __init__(self, *, inline: int, page: int, limits: TierLimits | None = None) -> None:
        names = {number: json.dumps(schemas()[name]) for name, number in SCHEMA_IDS.items()}
        self.store = MemoryStore()
        self.timelines = MemoryTimelineCache(shards=1)
        self.pulls = MemoryPullSet()
        self.tasks: list[DeliveryTask] = []
        self.decisions: list[AuthorTierChanged] = []
        self._now = 0.0
        self.ways: Counter[str] = Counter()
        self._made: dict[tuple[str, str], AgentSteps] = {}
        self._services = AgentDependencies(
            sink=self.store,
            views=Views.of(self.store),
            timelines=self.timelines,
            pulls=self.pulls,
            lookup=names.get,
            send=self._send,
            tier_limits=limits or TierLimits(),
            inline_followers=inline,
            delivery_page=page,
            distributed=self._count,
            clock=lambda: self._now,
        )

    def _count(self, way: str, count: int) -> None:
        self.ways[way] += count

    def _send(self, events: Sequence[Event]) -> None:
        self.tasks += [event for event in events if isinstance(event, DeliveryTask)]
        self.decisions += [event for event in events if isinstance(event, AuthorTierChanged)]

    def _steps(self, agent: str, topic: str) -> AgentSteps:
        key = agent, topic
        if key not in self._made:
            self._made[key] = AGENTS[agent].steps(self._services, topic)
        return self._made[key]

    def consume(self, agent: str, topic: str, events: Sequence[Event]) -> tuple[int, int]:
        """Take events through an agent's steps; how many were applied, and duplicates."""
        steps = self._steps(agent, topic)
        values = [encode(event, SCHEMA_IDS[type(event).__name__]) for event in events]
        records = [
            Record(topic, 0, offset, NOW, _key(topic, event), value)
            for offset, (event, value) in enumerate(zip(events, values, strict=True))
        ]
        batch, rejected = steps.decode(raw_batches(records))
        assert rejected == []
        projected = steps.project(batch)
        steps.apply(projected)
        return projected.applied, projected.duplicates

    def warm(self) -> None:
        for reader in READERS:
            token = self.timelines.begin_load(reader, [AUTHOR])
            assert token is not None
            assert self.timelines.complete_load(reader, token, (), 0, DIGEST)

    def follow(self, readers: Iterable[int], *, ended: bool = False) -> None:
        stamp = Stamp(NOW, int(ended), ended)
        self.store.apply(
            Effects(relations=[SetRelation(Relation.FOLLOW, who, AUTHOR, stamp) for who in readers])
        )

    def passes(self, seconds: float) -> None:
        self._now += seconds

    def holding(self, post_id: int) -> int:
        timelines = [current_timeline(self.timelines, reader, DIGEST) for reader in READERS]
        return sum(timeline is not None and post_id in timeline.ids for timeline in timelines)


def _key(topic: str, event: Event) -> bytes:
    return b"%d" % getattr(event, topics()[topic].key)


def a_post(at: int = NOW - 1000) -> PostCreated:
    post_id = make_id(at)
    return PostCreated(
        event_id=post_id + 1,
        occurred_at=id_time(post_id),
        author_id=AUTHOR,
        post_id=post_id,
        text="hello",
    )


def test_a_small_author_is_delivered_at_once() -> None:
    world, post = World(inline=len(READERS), page=7), a_post()
    world.warm()
    assert world.consume("posts", "social.posts.v1", [post]) == (1, 0)
    assert world.store.posts([post.post_id])[post.post_id].text == "hello"
    assert world.holding(post.post_id) == len(READERS)
    assert world.tasks == []


def test_what_is_left_of_a_large_author_is_delivered_page_by_page() -> None:
    world, post = World(inline=5, page=7), a_post()
    world.warm()
    world.consume("posts", "social.posts.v1", [post])
    assert world.holding(post.post_id) == 5
    rounds = 0
    while world.tasks:
        tasks = list(world.tasks)
        world.tasks.clear()
        assert world.consume("delivery", TOPIC, [*tasks, *tasks]) == (1, 1)
        rounds += 1
    assert world.holding(post.post_id) == len(READERS)
    assert rounds == 4  # 25 followers in pages of 7


def test_who_costs_too_much_is_pulled_from_that_post_on() -> None:
    limits = TierLimits(budget=1000, followers=20)
    world, post = World(inline=5, page=7, limits=limits), a_post()
    world.follow(READERS)
    world.warm()
    world.consume("posts", "social.posts.v1", [post])
    assert world.tasks == []
    (decision,) = world.decisions
    assert (decision.author_id, decision.tier, decision.previous_tier) == (
        AUTHOR,
        Tier.CELEBRITY,
        Tier.REGULAR,
    )
    assert (decision.followers, decision.posts_per_hour) == (20, 1.0)  # counting ends at the limit
    assert decision.occurred_at == post.occurred_at
    assert world.store.pulled_posts([post.post_id]) == {post.post_id}
    assert world.store.pulled_authors() == {AUTHOR: post.post_id}
    later = a_post(NOW)
    world.consume("posts", "social.posts.v1", [later])
    assert world.holding(later.post_id) == 0
    assert world.store.pulled_authors() == {AUTHOR: later.post_id}
    assert len(world.decisions) == 1
    assert world.ways == {FanOutMode.PULLED: 2}


def test_posts_are_counted_by_the_way_they_go() -> None:
    few, many = World(inline=len(READERS), page=7), World(inline=5, page=7)
    for world in (few, many):
        world.follow(READERS)
        world.warm()
        world.consume("posts", "social.posts.v1", [a_post(), a_post(NOW)])
    assert few.ways == {FanOutMode.INLINE: 2}
    assert many.ways == {FanOutMode.TASKS: 2}


def test_who_costs_less_again_is_pushed_from_that_post_on() -> None:
    limits = TierLimits(budget=1000, followers=20)
    world, post = World(inline=5, page=7, limits=limits), a_post()
    world.follow(READERS)
    world.warm()
    world.consume("posts", "social.posts.v1", [post])
    world.follow(READERS[5:], ended=True)
    token = world.pulls.begin_load()
    assert token is not None
    assert world.pulls.complete_load(token, world.store.pulled_authors())
    world.passes(FOLLOWERS_FRESH_S)
    later = a_post(NOW)
    world.consume("posts", "social.posts.v1", [later])
    assert [change.tier for change in world.decisions] == [Tier.CELEBRITY, Tier.POPULAR]
    assert world.holding(later.post_id) == 5
    assert world.store.pulled_posts([later.post_id]) == set()
    pulled = world.pulls.pulled([AUTHOR])
    assert pulled is not None
    assert pulled[AUTHOR].newest == post.post_id, "what was pulled stays so"


def test_a_late_post_decides_nothing_against_a_later_decision() -> None:
    limits = TierLimits(budget=1000, followers=20)
    world, post = World(inline=5, page=7, limits=limits), a_post()
    world.follow(READERS)
    world.warm()
    world.consume("posts", "social.posts.v1", [post])
    world.follow(READERS, ended=True)
    world.passes(FOLLOWERS_FRESH_S)
    world.consume("posts", "social.posts.v1", [a_post(NOW - 5000)])
    assert len(world.decisions) == 1
    assert world.store.tiers([AUTHOR])[AUTHOR].tier is Tier.CELEBRITY


def test_a_post_read_again_is_a_duplicate_that_delivers_again() -> None:
    world, post = World(inline=5, page=7), a_post()
    world.consume("posts", "social.posts.v1", [post])
    world.warm()  # as if the first delivery had been cut short
    assert world.consume("posts", "social.posts.v1", [post]) == (0, 1)
    assert world.holding(post.post_id) == 5
    assert len(world.tasks) == 1


def test_tasks_are_keyed_by_shard() -> None:
    task = DeliveryTask(event_id=1, occurred_at=NOW, author_id=2, post_id=3, shard=11, cursor=4)
    (message,) = to_messages([task], lambda _topic, _record_type: 9)
    assert (message.topic, message.key) == ("storyline.fanout.v1", b"11")
    assert message.value == encode(task, 9)


def test_every_topic_that_names_an_agent_is_read_by_it() -> None:
    for name, agent in AGENTS.items():
        specs = (*topics().values(), *captured_topics().values())
        described = {spec.name for spec in specs if name in spec.readers}
        assert described == set(agent.topics), name
    assert {name for stage in STAGES for name in stage} == set(AGENTS)
