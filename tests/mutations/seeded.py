"""The list of seeded bugs."""

from tests.mutations.feeds import FEEDS
from tests.mutations.mutation import Mutation
from tests.mutations.reading import READING
from tests.mutations.settling import SETTLING

MUTATIONS: tuple[Mutation, ...] = (*READING, *SETTLING, *FEEDS)
