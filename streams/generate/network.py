"""Synthetic social network: the events of its users, in time order, from one seed."""

from bisect import bisect
from collections.abc import Callable, Iterator
from itertools import accumulate

from streams.contracts.events import Event
from streams.generate import content, engagement, relations
from streams.generate.calendar import Minute, instants, slices
from streams.generate.edge_cases import edge_case
from streams.generate.world import Plan, World

Happening = Callable[[World], Event | None]

# Actions besides follows and edge cases, with their relative weights.
MIX: tuple[tuple[Happening, float], ...] = (
    (relations.unfollow, 15),
    (relations.block, 5),
    (relations.unblock, 2),
    (relations.mute, 6),
    (relations.unmute, 2),
    (content.post, 130),
    (content.reply, 20),
    (content.repost, 50),
    (content.edit, 8),
    (content.delete, 9),
    (content.story, 40),
    (content.delete_story, 2),
    (content.highlight, 8),
    (content.unhighlight, 2),
    (engagement.like, 230),
    (engagement.unlike, 18),
    (engagement.view_post, 230),
    (engagement.view_story, 140),
    (engagement.view_highlight, 6),
    (engagement.comment, 75),
    (engagement.delete_comment, 6),
)
_EARLY = 0.4  # new accounts follow more: the share of follows falls over this part of the run
_TRIES = 5


class Network:
    """`plan.events` events of `plan.users` people; every iteration yields equal events.

    Events are ascending in (occurred_at, event_id), and each is valid at its place.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __iter__(self) -> Iterator[Event]:
        world = World(self.plan)
        plan = self.plan
        happenings = (relations.follow, edge_case, *(happening for happening, _ in MIX))
        for part in slices(plan.start, plan.duration, plan.events):
            if part.events:
                yield from _events(world, part, happenings, _thresholds(plan, part.progress))


def _thresholds(plan: Plan, progress: float) -> list[float]:
    """Return cumulative probabilities of follow, edge case and MIX, without the last, which is 1.

    `progress` is the share of all events so far.
    """
    mean = plan.follows / plan.events
    early = max(0.0, 1 - progress / _EARLY)
    follows = mean * (2 / 3 + early * (1 / 3) / (_EARLY / 2))
    rest = (1 - follows) * (1 - plan.oddities)
    whole = sum(weight for _, weight in MIX)
    shares = (
        follows,
        (1 - follows) * plan.oddities,
        *(rest * weight / whole for _, weight in MIX),
    )
    return list(accumulate(shares))[:-1]


def _events(
    world: World, part: Minute, happenings: tuple[Happening, ...], thresholds: list[float]
) -> Iterator[Event]:
    draw = world.random
    for at_ms in instants(part, world.rng):
        if due := world.due(at_ms):
            world.mint.advance(due[0])
            yield due[1](world)
            continue
        world.mint.advance(at_ms)
        event = None
        for _ in range(_TRIES):
            event = happenings[bisect(thresholds, draw())](world)
            if event is not None:
                break
        yield event or content.post(world)
