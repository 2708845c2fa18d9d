"""Seeded bugs in when a batch is applied."""

from tests.mutations.mutation import Mutation

_DEADLINE = "max(loop.time() + wait_s, pause_ends)"

BATCHING: tuple[Mutation, ...] = (
    Mutation(
        "lone-record-waits",
        "a post on a quiet line is visible later by the pause between batches",
        "Batcher.next_batch",
        _DEADLINE,
        "loop.time() + max(wait_s, pause_s)",
    ),
    Mutation(
        "every-record-a-batch",
        "at a thousand events a second each batch holds a few, and the stores are busy with bursts",
        "Batcher.next_batch",
        _DEADLINE,
        "loop.time() + wait_s",
    ),
    Mutation(
        "patience-lost",
        "the lake writes a file for each handful of records",
        "Batcher.next_batch",
        _DEADLINE,
        "pause_ends",
    ),
)
