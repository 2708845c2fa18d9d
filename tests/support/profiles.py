"""How long hypothesis may search.

A failure prints the blob that repeats it. Every run draws anew; HYPOTHESIS_PROFILE=ci searches
longer, and =unshrunk ends with the first failure as it was drawn. =mutants draws the same few
examples in every run, so that a mutant's verdict does not depend on luck.
"""

import os

from hypothesis import HealthCheck, Phase, settings


def load_profile() -> None:
    """Take the profile that the environment names."""
    usual = settings(
        deadline=None,  # cores are shared with servers: time says nothing about the code
        print_blob=True,
        max_examples=100,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.register_profile("usual", usual)
    settings.register_profile("ci", usual, max_examples=300)
    settings.register_profile("unshrunk", usual, phases=set(Phase) - {Phase.shrink, Phase.explain})
    quick = settings(usual, max_examples=25, derandomize=True, database=None)
    settings.register_profile("mutants", quick, phases=[Phase.explicit, Phase.generate])
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))
