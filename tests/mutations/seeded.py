"""The list of seeded bugs."""

from tests.mutations.copies import COPIES
from tests.mutations.counting import COUNTING
from tests.mutations.expiring import EXPIRING
from tests.mutations.feeds import FEEDS
from tests.mutations.mutation import Mutation
from tests.mutations.paging import PAGING
from tests.mutations.producers import PRODUCERS
from tests.mutations.reading import READING
from tests.mutations.settling import SETTLING
from tests.mutations.timelines import TIMELINES
from tests.mutations.trending import TRENDING
from tests.mutations.verifying import VERIFYING

MUTATIONS: tuple[Mutation, ...] = (
    *READING,
    *PAGING,
    *SETTLING,
    *FEEDS,
    *COPIES,
    *COUNTING,
    *EXPIRING,
    *TIMELINES,
    *TRENDING,
    *VERIFYING,
    *PRODUCERS,
)
