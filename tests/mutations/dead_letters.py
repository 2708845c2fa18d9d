"""Seeded bugs on the way from a batch to its acknowledgement."""

from tests.mutations.mutation import Mutation

_RUNTIME = "streams/runtime/"

SETTLING = (
    # From a batch to its acknowledgement
    Mutation(
        "acknowledge-on-error",
        "a batch that failed is acknowledged",
        "TopicRunner._run_pipeline",
        "                self._pipeline.retry(batch.batches, reported)\n        finally:\n",
        "                self._pipeline.retry(batch.batches, reported)\n        except Exception:\n"
        "            pass\n        finally:\n",
    ),
    Mutation(
        "acknowledge-at-once",
        "a batch is acknowledged before it is applied",
        "TopicRunner._apply",
        "        await loop.run_in_executor(self._threads, self._run_pipeline, batch, reported)\n"
        "        for partition, offset in batch.last.items():\n"
        "            self._positions.applied(partition, batch.generation, offset)\n",
        "        for partition, offset in batch.last.items():\n"
        "            self._positions.applied(partition, batch.generation, offset)\n"
        "        await loop.run_in_executor(self._threads, self._run_pipeline, batch, reported)\n",
    ),
    Mutation(
        "last-batch-left-out",
        "of several fetched batches the last is acknowledged unapplied",
        "TopicRunner._run_pipeline",
        "self._pipeline.run(batch.batches)",
        "self._pipeline.run(batch.batches[:-1] or batch.batches)",
    ),
    Mutation(
        "consumed-in-batches",
        "records consumed are counted in batches; nothing adds up",
        "TopicRunner.run",
        "self._metrics.consumed(self._topic, batch.count)",
        "self._metrics.consumed(self._topic, len(batch.batches))",
    ),
    Mutation(
        "decode-error-swallowed",
        "records that cannot be decoded vanish without a dead letter",
        "Pipeline._run_steps",
        "        self._report(rejected, steps.decode, reported)\n",
        "",
    ),
    Mutation(
        "poison-takes-all",
        "one bad record keeps the good ones of its batch from being applied",
        "Pipeline._run_steps",
        "if len(rejected) < _count(batches):",
        "if not rejected:",
    ),
    Mutation(
        "conflict-not-buried",
        "a create that lost its id to another vanishes without a dead letter",
        "Pipeline._run_steps",
        "            self._report(conflicts, steps.project, reported)\n",
        "",
    ),
    Mutation(
        "another-record-buried",
        "of two partitions in a batch, the wrong one's record becomes the dead letter",
        "_at",
        "        if batch.partition == position.partition:\n",
        "        if True:\n",
    ),
    Mutation(
        "conflict-buried-late",
        "after a crash between effects and burial a conflict passes for a duplicate",
        "Pipeline._run_steps",
        "            self._report(conflicts, steps.project, reported)\n",
        '            self._try("apply", lambda: steps.apply(projected), reported)\n'
        "            self._report(conflicts, steps.project, reported)\n",
    ),
    Mutation(
        "duplicates-not-counted",
        "duplicates are counted as applied; nothing adds up",
        "Pipeline._count",
        "self._metrics.duplicates(self.topic, outcome.duplicates - known)",
        "self._metrics.applied(self.topic, outcome.duplicates - known)",
    ),
    Mutation(
        "bug-retried-for-ever",
        "an error that no waiting cures is waited for",
        "RetryPolicy.is_transient",
        "return isinstance(error, self._transient)",
        "return isinstance(error, Exception)",
    ),
    Mutation(
        "stop-acknowledges",
        "a worker that is told to stop while a store is down acknowledges its batch",
        "Pipeline._retry",
        "                self._retry_policy.pause(pause_s)\n",
        "                try:\n                    self._retry_policy.pause(pause_s)\n"
        "                except Exception:\n                    return\n",
    ),
    Mutation(
        "retries-not-counted",
        "a store that is down shows in no metric",
        "Pipeline._try",
        "            self._metrics.retried(self.topic, name)\n",
        "",
    ),
    # What is held up
    Mutation(
        "held-partition-goes-on",
        "records overtake those of their partition that wait for a store",
        "TopicRunner.run",
        "            self._batcher.hold(partition)\n",
        "",
    ),
    Mutation(
        "held-partition-forgotten",
        "a partition that waited for a store is never read again",
        "TopicRunner._retry",
        "            self._batcher.release(partition)\n",
        "            pass\n",
    ),
    Mutation(
        "held-partition-fetched",
        "while a store is away memory fills with what is fetched of its partitions",
        "ConsumerRules._next",
        "requested = active - self._held",
        "requested = active",
    ),
    Mutation(
        "returned-out-of-turn",
        "what was held comes after what was fetched later",
        "Batcher.release",
        "self._buffered.extendleft(reversed(self._held.pop(partition)))",
        "self._buffered.extend(self._held.pop(partition))",
    ),
    Mutation(
        "buried-again",
        "each try of a batch that a store holds up buries its bad records anew",
        "Pipeline._report",
        "            reported.add(unreported)\n",
        "",
    ),
    Mutation(
        "buried-counted-again",
        "a conflict that was buried counts as a duplicate, too; nothing adds up",
        "Pipeline._run_steps",
        "reported.count_no_longer_rejected(batches, (*rejected, *conflicts))",
        "0",
    ),
    # Dead letters
    Mutation(
        "burial-counted-first",
        "dead letters are counted that the broker never acknowledged",
        "DeadLetterReporter.report",
        "        self._send(\n            [\n",
        "        for rejection in rejections:\n"
        "            self._metrics.dead_letter(rejection.record.topic, str(rejection.code))\n"
        "        self._send(\n            [\n",
    ),
    Mutation(
        "letter-without-headers",
        "a dead letter loses its record's own headers",
        "DeadLetterReporter.report",
        "                        *rejection.record.headers,\n",
        "",
    ),
    Mutation(
        "letter-with-todays-time",
        "a dead letter forgets when its record was appended",
        "DeadLetterReporter.report",
        "timestamp=rejection.record.append_time,",
        "timestamp=None,",
    ),
    Mutation(
        "attempts-not-counted",
        "a replayed record that fails again looks as if it had failed once",
        f"{_RUNTIME}dead_letters/attempts.py",
        "str(attempts.failures + 1)",
        "str(attempts.failures)",
    ),
    # The limit of dead letters
    Mutation(
        "limit-judged-late",
        "a bad deployment drains a whole batch into dead letters before the worker stops",
        "Pipeline._run_steps",
        "        bad = check(batches, rejected)\n"
        "        self._report(rejected, steps.decode, reported)\n",
        "        self._report(rejected, steps.decode, reported)\n"
        "        bad = check(batches, rejected)\n",
    ),
    Mutation(
        "limit-one-late",
        "one bad record more than the limit allows is buried",
        "DeadLetterLimit.after",
        "if self._used(known, number + 1, run) >= 1:",
        "if self._used(known, number + 1, run) > 1:",
    ),
    Mutation(
        "limit-counts-replays",
        "replaying dead letters stops the worker",
        "DeadLetterLimitGuard._countable",
        " and attempts_of(rejection.record.headers) is None",
        "",
    ),
    Mutation(
        "limit-forgets",
        "bad records in successive batches never reach the limit",
        "DeadLetterLimitGuard.record_batch",
        "            self._history = self._after(count, bad)\n",
        "            self._after(count, bad)\n",
    ),
    # Bytes
    Mutation(
        "aborted-handed-out",
        "records of an aborted transaction are applied",
        "_is_readable",
        "if batch.is_transactional and batch.producer_id in aborted:",
        "if batch.is_control_batch and batch.producer_id in aborted:",
    ),
    Mutation(
        "abort-for-ever",
        "a producer that aborted once is never read again",
        "_is_readable",
        "            aborted.discard(batch.producer_id)\n",
        "            pass\n",
    ),
    Mutation(
        "checksum-ignored",
        "records damaged on their way are applied",
        f"{_RUNTIME}consumer/unpack.py",
        "if partition_records._check_crcs and not batch.validate_crc():",
        "if partition_records._check_crcs and batch.validate_crc() is None:",
    ),
    Mutation(
        "records-before-the-position",
        "what lies before the position in a fetched batch is applied again",
        "_from",
        "    return (record for record in batch if record.offset >= offset)\n",
        "    return batch\n",
    ),
    # Progress
    Mutation(
        "commit-stall-unseen",
        "commits that stopped reaching the broker are never noticed",
        "StallDetector.detect",
        "progress.committed < progress.position",
        "progress.committed > progress.position",
    ),
    Mutation(
        "progress-forgotten",
        "a partition that moves is taken for one that stands still",
        "StallDetector.detect",
        "if mark is None or mark.offset != offset:",
        "if mark is None:",
    ),
    # What only a broker shows
    Mutation(
        "uncommitted-read",
        "records of transactions that are open or aborted are read",
        "BatchFetcher._create_worker_consumer",
        "        consumer._isolation_level = _READ_COMMITTED\n",
        "",
        ("tests/integration/test_runtime_transactions.py",),
        stack=True,
    ),
    Mutation(
        "commit-by-faust",
        "Faust's own offsets are committed: of messages it handed out, applied or not",
        "BatchConsumer._new_offset",
        "        return self.positions.committable(tp)\n",
        "        read: int | None = self._read_offset[tp]\n"
        "        return None if read is None else read + 1\n",
        ("tests/integration/test_runtime_worker.py",),
        stack=True,
    ),
)
