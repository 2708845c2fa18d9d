"""Seeded bugs on the way from the log to a batch, and in what may be committed."""

from tests.mutations.mutation import Mutation

READING = (
    # What may be committed
    Mutation(
        "commit-before-apply",
        "commits records that arrived and are not applied: a crash loses them",
        "Positions.at",
        "else offsets.skip_gaps(offsets.applied)",
        "else offsets.skip_gaps(offsets.expected)",
    ),
    Mutation(
        "commit-one-too-far",
        "commits the record after the last applied one",
        "Positions.applied",
        "max(offsets.applied, offset + 1)",
        "max(offsets.applied, offset + 2)",
    ),
    Mutation(
        "commit-one-short",
        "reads the last record again at every start, and lag is never zero",
        "Positions.applied",
        "max(offsets.applied, offset + 1)",
        "max(offsets.applied, offset)",
    ),
    Mutation(
        "commit-moves-back",
        "a batch read again moves the position back over what is applied",
        "Positions.applied",
        "offsets.applied = max(offsets.applied, offset + 1)",
        "offsets.applied = offset + 1",
    ),
    Mutation(
        "commit-of-another-assignment",
        "a batch that outlived its assignment is acknowledged in the next one",
        "Positions.applied",
        "        if offsets is not None and offsets.generation == generation:\n",
        "        if offsets is not None:\n",
    ),
    Mutation(
        "gap-taken-as-read",
        "a batch lost behind the fetcher is committed over",
        "Positions.received",
        "        if begins != expected:\n",
        "        if begins < expected:\n",
    ),
    Mutation(
        "hole-hides-a-record",
        "the record after a hole in the log is committed unread",
        "Positions.add_gap",
        "gaps[start] = end\n",
        "gaps[start] = end + 1\n",
    ),
    Mutation(
        "hole-not-committed",
        "lag is never zero behind the marker that ends a transaction",
        "_gaps",
        "    if end > expected:\n",
        "    if end < expected:\n",
    ),
    Mutation(
        "hole-unknown",
        "the worker ends at each hole in the log, for ever",
        "_gaps",
        "        if run.first > expected:\n",
        "        if run.first > end:\n",
    ),
    # Assignments and rebalances
    Mutation(
        "begin-at-what-comes",
        "reading begins at whatever is fetched first; what lies before is lost",
        "ConsumerRules.begin",
        "self.positions.start(partition, generation, start)",
        "self.positions.start(partition, generation, offset)",
    ),
    Mutation(
        "begin-before-the-log",
        "a group without a commit cannot read a log whose start is gone",
        "ConsumerRules._start",
        "        return max(start, log_start)\n",
        "        return start\n",
    ),
    Mutation(
        "revoked-still-used",
        "what is fetched of a partition taken away is taken for the next assignment's",
        "ConsumerRules.revoke",
        "        self._sought -= partitions\n        self.positions.forget(partitions)\n",
        "",
    ),
    Mutation(
        "stale-fetch-handed-out",
        "a batch fetched before a rebalance is handed out after it",
        "ConsumerRules._is_current",
        "return self._consumer.flowing and self.generation == generation",
        "return self._consumer.flowing",
    ),
    Mutation(
        "first-record-dropped",
        "a batch that ends where reading began is dropped",
        "ConsumerRules.fetch_next",
        "if batch.last >= (self._consumer.last_enqueued(partition) or 0):",
        "if batch.last > (self._consumer.last_enqueued(partition) or 0):",
    ),
    Mutation(
        "fetch-without-seek",
        "fetches in a generation whose partitions do not stand at the commits yet",
        "FetchRules.fetch",
        "if self._sought != fetcher.generation:",
        "if not fetcher.flowing:",
    ),
    Mutation(
        "old-assignment-applied",
        "messages of an earlier assignment are applied and acknowledged in this one",
        "Batcher._add",
        "        if message.generation_id != micro_batch.generation:\n",
        "        if message.generation_id > micro_batch.generation:\n",
    ),
    Mutation(
        "dropped-on-rebalance",
        "the first message of a new assignment is dropped with a batch of the old one",
        "Batcher._add",
        "            if message.generation_id == self._rules.generation:\n"
        "                self._buffered.appendleft(message)\n",
        "",
    ),
    # Batches
    Mutation(
        "rest-of-a-message-lost",
        "what does not fit into a batch is lost",
        "Batcher._add",
        "batch, message.value = batch.split(room)\n"
        "            self._buffered.appendleft(message)\n",
        "batch, message.value = batch.split(room)\n",
    ),
    Mutation(
        "split-loses-a-record",
        "a record is lost where a message is cut in two",
        "RawBatch.split",
        "self._cut(slice(count, None))",
        "self._cut(slice(count + 1, None))",
    ),
    Mutation(
        "run-hides-a-gap",
        "a record missing in the midst of a batch goes unnoticed",
        "RawBatch.runs",
        "if last - first + 1 == count:",
        "if last - first + 1 >= count:",
    ),
    Mutation(
        "acknowledge-one-too-many",
        "acknowledges a record that is not in the batch",
        "MicroBatch.add",
        "self.last[partition] = batch.last",
        "self.last[partition] = batch.last + 1",
    ),
    Mutation(
        "no-back-pressure",
        "fetches without end while the pipeline is stuck",
        "ConsumerRules._has_room",
        "return len(pending) < self._buffer.batches and (",
        "return len(pending) >= 0 or (",
    ),
)
