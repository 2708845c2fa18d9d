"""How long tests that draw their input may search.

STORYLINE_TEST_SCALE multiplies the number of examples and of simulated schedules: 1 is the number
that each test names. A failure of hypothesis prints the blob that repeats it. Every run draws
again; HYPOTHESIS_PROFILE=unshrunk ends with the first failure as it was drawn, and =mutants draws
the same few examples in every run, so that a mutant's verdict does not depend on luck.
"""

import os

from hypothesis import HealthCheck, Phase, settings


def scaled(count: int) -> int:
    """Return `count` times STORYLINE_TEST_SCALE, at least 1."""
    return max(1, round(count * float(os.environ.get("STORYLINE_TEST_SCALE", "1"))))


def load_profile() -> None:
    """Take the profile that the environment names."""
    usual = settings(
        deadline=None,  # cores are shared with servers: time says nothing about the code
        print_blob=True,
        max_examples=scaled(100),
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.register_profile("usual", usual)
    settings.register_profile("unshrunk", usual, phases=set(Phase) - {Phase.shrink, Phase.explain})
    quick = settings(usual, max_examples=25, derandomize=True, database=None)
    settings.register_profile("mutants", quick, phases=[Phase.explicit, Phase.generate])
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))
