"""Seeded bugs in telling of stories that end."""

from tests.mutations.mutation import Mutation

_TELLER = "streams/agents/story_expiry.py"
_TESTS = ("tests/unit/agents/test_story_expiry.py", "tests/unit/agents/test_expirer.py")

EXPIRING = (
    Mutation(
        "sent-counts-as-told",
        "what the broker lost, or the worker has not folded, is never told again",
        "ExpiryPublisher._advance",
        "min(now - GRACE_MS, oldest - 1)",
        "now - GRACE_MS",
        _TESTS,
    ),
    Mutation(
        "told-again-each-look",
        "the log is flooded with one end until it is folded",
        "ExpiryPublisher.publish_due",
        " if due.expiry not in self._sent]",
        "]",
        _TESTS,
    ),
    Mutation(
        "told-though-deleted",
        "the end of a deleted story is told",
        "ExpiryPublisher._pending",
        "            and not row.deleted\n",
        "",
        _TESTS,
    ),
    Mutation(
        "told-of-the-loser",
        "of two creates of one id the one that lost is told of, too",
        "ExpiryPublisher._pending",
        "(row.author_id, row.expires_at) == (expiry.author_id, expiry.expires_at)",
        "True",
        _TESTS,
    ),
    Mutation(
        "told-what-the-log-tells",
        "whoever begins anew tells everything once more",
        "ExpiryPublisher._pending",
        "for expiry in expiries - published\n",
        "for expiry in expiries\n",
        _TESTS,
    ),
    Mutation(
        "only-the-first-page",
        "of many ends at once most are never told",
        "ExpiryPublisher._due",
        "            yield page\n",
        "            yield page\n            return\n",
        _TESTS,
    ),
    Mutation(
        "no-grace",
        "an entry that a late worker writes is overlooked",
        _TELLER,
        "GRACE_MS: Final = 600_000",
        "GRACE_MS: Final = 0",
        _TESTS,
    ),
    Mutation(
        "late-stories-overlooked",
        "a story that arrives after its end is never told of",
        "MemoryStore._apply_stories",
        "Due(max(story.expires_at, self._clock()), end)",
        "Due(story.expires_at, end)",
        _TESTS,
    ),
    Mutation(
        "late-stories-overlooked-durably",
        "a story that arrives after its end is never told of",
        "expiry_rows",
        "due_at = max(story.expires_at, now_ms)",
        "due_at = story.expires_at",
        ("tests/integration/test_store_cassandra.py",),
        stack=True,
    ),
    Mutation(
        "end-told-at-the-clock",
        "an end tells when it was noticed, and two who notice it tell two events",
        "story_expired",
        'packed = b"".join(part.to_bytes(8, "big") for part in expiry)',
        "packed = __import__('time').time_ns().to_bytes(8, 'big')",
        _TESTS,
    ),
    Mutation(
        "does-not-wait-for-the-fold",
        "a new process tells again what the worker has still to read",
        "Expirer.run_once",
        "                if left := self._lag():\n",
        "                if (left := self._lag()) and False:\n",
        _TESTS,
    ),
)
