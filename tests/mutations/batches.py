"""Seeded bugs in when a batch is applied."""

from tests.mutations.mutation import Mutation

_DEADLINE = "max(loop.time() + wait_s, self._returned_at + self._pause_s)"

BATCHING: tuple[Mutation, ...] = (
    Mutation(
        "lone-record-waits",
        "a post on a quiet line is visible later by the time that batches are apart",
        "Batcher.next_batch",
        _DEADLINE,
        "loop.time() + max(wait_s, self._pause_s)",
    ),
    Mutation(
        "every-record-a-batch",
        "at a thousand events a second each batch holds a few, and the stores are busy with bursts",
        "Batcher.next_batch",
        _DEADLINE,
        "loop.time() + wait_s",
    ),
    Mutation(
        "pause-forgotten",
        "the same, since no batch knows of the one before",
        "Batcher.next_batch",
        "                self._returned_at = loop.time()\n",
        "",
    ),
    Mutation(
        "patience-lost",
        "the lake writes a file for each handful of records",
        "Batcher.next_batch",
        _DEADLINE,
        "self._returned_at + self._pause_s",
    ),
)
