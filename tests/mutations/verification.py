"""Seeded bugs in what proves and explains home feeds: it would call wrong feeds right."""

from tests.mutations.mutation import Mutation

_TESTS = ("tests/unit/verification/test_verify.py", "tests/unit/serving/test_explain.py")

VERIFYING = (
    Mutation(
        "verify-never-asks-the-cache",
        "a falsified timeline is proved equal",
        "_walks",
        "_pages(side.views, reader, side.caches)",
        "_pages(side.durable, reader, None)",
        _TESTS,
    ),
    Mutation(
        "verify-counts-incomplete-as-equal",
        "a page of a store that did not answer proves something",
        "_round",
        "verdict.unanswered[reader] = done.unanswered",
        "pass",
        _TESTS,
    ),
    Mutation(
        "verify-ignores-what-came-meanwhile",
        "every post that is published while looking is called a difference",
        "readers_with_changes",
        "        or not authors.isdisjoint(fold.authors(reader))\n",
        "",
        _TESTS,
    ),
    Mutation(
        "verify-folds-no-originals-of-answers",
        "answers to posts of people who are not followed are called different",
        "FeedFold._needed_posts",
        'links = ("post_id", "repost_of", "reply_to")',
        'links = ("post_id", "repost_of")',
        _TESTS,
    ),
    Mutation(
        "verify-takes-any-log",
        "views are compared with a log whose beginning is gone",
        "everything",
        "if span.start > 0",
        "if span.start < 0",
        _TESTS,
    ),
    Mutation(
        "explain-floor-included",
        "a post at the floor is said to lie on the timeline, or to be lost",
        "_is_above_floor",
        "post_id > stored.floor",
        "post_id >= stored.floor",
        _TESTS,
    ),
    Mutation(
        "explain-reads-one-side-of-a-block",
        "the block by the author is not among the events",
        "FeedEvents.relations",
        "{reader, *others}",
        "{reader}",
        _TESTS,
    ),
    Mutation(
        "own-write-missed",
        "who waits for a record reads just before it is applied",
        "wait_for_records",
        "max(offset + 1, ",
        "max(offset, ",
        ("tests/unit/app/test_wait_until_applied.py",),
    ),
    Mutation(
        "delivery-not-waited-for",
        "who waits for a post finds it in no follower's timeline yet",
        "_waits",
        "    if _POSTS in agents:\n",
        "    if False:\n",
        ("tests/unit/app/test_wait_until_applied.py",),
    ),
)
