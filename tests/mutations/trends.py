"""Seeded bugs in trending tags."""

from tests.mutations.mutation import Mutation

_FILE = "streams/serving/trending.py"
_TESTS = ("tests/unit/serving/test_trending.py",)

TRENDING = (
    Mutation(
        "trends-count-posts",
        "one person makes a tag trend alone",
        "_newest_live",
        "                del left[author]\n",
        "",
        _TESTS,
    ),
    Mutation(
        "trends-believe-bounds",
        "a tag whose posts were deleted keeps others out",
        _FILE,
        "found[limit - 1][0] < bound:",
        "True:",
        _TESTS,
    ),
    Mutation(
        "trends-stop-too-late",
        "every tag of the day is looked up for each answer",
        _FILE,
        "found[limit - 1][0] < bound:",
        "False:",
        _TESTS,
    ),
    Mutation(
        "trends-keep-what-was-edited-out",
        "a tag that nobody bears any more trends",
        "_newest_live",
        " and tag in row.tags:",
        ":",
        _TESTS,
    ),
    Mutation(
        "trends-never-fade",
        "a tag of yesterday stands as high as one of now",
        "_score",
        "2.0 ** ((id_time(post) - now) / HALF_LIFE_MS)",
        "1.0",
        _TESTS,
    ),
    Mutation(
        "trends-by-the-oldest",
        "an author counts by the first post instead of the last",
        "_uses_by_tag",
        "            ids.sort(reverse=True)\n",
        "            ids.sort()\n",
        _TESTS,
    ),
)
