"""The list of seeded bugs."""

from tests.mutations.capturing import CAPTURING
from tests.mutations.copies import COPIES
from tests.mutations.counting import COUNTING
from tests.mutations.expiring import EXPIRING
from tests.mutations.feeds import FEEDS
from tests.mutations.framing import FRAMING
from tests.mutations.imports import IMPORTS
from tests.mutations.inputs import INPUTS
from tests.mutations.lake import LAKE
from tests.mutations.mutation import Mutation
from tests.mutations.paging import PAGING
from tests.mutations.producers import PRODUCERS
from tests.mutations.reading import READING
from tests.mutations.refusing import REFUSING
from tests.mutations.settling import SETTLING
from tests.mutations.survivors import SURVIVORS
from tests.mutations.timelines import TIMELINES
from tests.mutations.trending import TRENDING
from tests.mutations.verifying import VERIFYING

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
)
