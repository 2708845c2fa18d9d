"""The list of seeded bugs."""

from tests.mutations.batches import BATCHING
from tests.mutations.change_capture import CAPTURING
from tests.mutations.copies import COPIES
from tests.mutations.counts import COUNTING
from tests.mutations.dead_letters import SETTLING
from tests.mutations.expiry import EXPIRING
from tests.mutations.feeds import FEEDS
from tests.mutations.frames import FRAMING
from tests.mutations.imports import IMPORTS
from tests.mutations.inputs import INPUTS
from tests.mutations.lake import LAKE
from tests.mutations.mutation import Mutation
from tests.mutations.pages import PAGING
from tests.mutations.producers import PRODUCERS
from tests.mutations.reads import READING
from tests.mutations.refusals import REFUSING
from tests.mutations.survivors import SURVIVORS
from tests.mutations.timelines import TIMELINES
from tests.mutations.trends import TRENDING
from tests.mutations.verification import VERIFYING

MUTATIONS: tuple[Mutation, ...] = (
    *READING,
    *PAGING,
    *SETTLING,
    *REFUSING,
    *FRAMING,
    *FEEDS,
    *IMPORTS,
    *COPIES,
    *COUNTING,
    *EXPIRING,
    *LAKE,
    *TIMELINES,
    *TRENDING,
    *VERIFYING,
    *INPUTS,
    *CAPTURING,
    *SURVIVORS,
    *PRODUCERS,
    *BATCHING,
)
