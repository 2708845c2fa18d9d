"""The list of seeded bugs."""

from tests.mutations.mutation import Mutation
from tests.mutations.reading import READING
from tests.mutations.settling import SETTLING
from tests.mutations.timelines import TIMELINES

MUTATIONS: tuple[Mutation, ...] = (*READING, *SETTLING, *TIMELINES)
