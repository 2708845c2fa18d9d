"""Seeded bugs in what proves and explains home feeds: it would call wrong feeds right."""

from tests.mutations.mutation import Mutation

_TESTS = ("tests/unit/verification/test_verify.py", "tests/unit/serving/test_explain.py")

VERIFYING = (
    Mutation(
        "verify-never-asks-the-cache",
        "a falsified timeline is proved equal",
        "streams/verification/verify.py",
        "_pages(side.views, reader, side.caches)",
        "_pages(side.durable, reader, None)",
        _TESTS,
    ),
    Mutation(
        "verify-counts-incomplete-as-equal",
        "a page of a store that did not answer proves something",
        "streams/verification/verify.py",
        "verdict.unanswered[reader] = done.unanswered",
        "pass",
        _TESTS,
    ),
    Mutation(
        "verify-ignores-what-came-meanwhile",
        "every post that is published while looking is called a difference",
        "streams/verification/changes_since.py",
        "        or not authors.isdisjoint(fold.authors(reader))\n",
        "",
        _TESTS,
    ),
    Mutation(
        "verify-folds-no-originals-of-answers",
        "answers to posts of people who are not followed are called different",
        "streams/verification/expected_feeds.py",
        'links = ("post_id", "repost_of", "reply_to")',
        'links = ("post_id", "repost_of")',
        _TESTS,
    ),
    Mutation(
        "verify-takes-any-log",
        "views are compared with a log whose beginning is gone",
        "streams/verification/log_scan.py",
        "if span.start > 0",
        "if span.start < 0",
        _TESTS,
    ),
    Mutation(
        "explain-floor-included",
        "a post at the floor is said to lie on the timeline, or to be lost",
        "streams/serving/feed/explain.py",
        "post_id > stored.floor",
        "post_id >= stored.floor",
        _TESTS,
    ),
    Mutation(
        "explain-reads-one-side-of-a-block",
        "the block by the author is not among the events",
        "streams/verification/feed_events.py",
        "{reader, *others}",
        "{reader}",
        _TESTS,
    ),
    Mutation(
        "own-write-missed",
        "who waits for a record reads just before it is applied",
        "streams/app/workers/wait.py",
        "max(offset + 1, ",
        "max(offset, ",
        ("tests/unit/app/test_wait_until_applied.py",),
    ),
    Mutation(
        "delivery-not-waited-for",
        "who waits for a post finds it in no follower's timeline yet",
        "streams/app/workers/wait.py",
        "    if _POSTS in agents:\n",
        "    if False:\n",
        ("tests/unit/app/test_wait_until_applied.py",),
    ),
)
