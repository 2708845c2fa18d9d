"""Seeded bugs in what singles one record out: a store's refusal, a wait, an operator's decision."""

from tests.mutations.mutation import Mutation

_RUNTIME = "streams/runtime/"
_REFUSALS = ("tests/unit/test_runtime_refusals.py",)
_VITALS = ("tests/unit/test_runtime_vitals.py",)
_STORES = ("tests/unit/test_store_errors.py",)
_RUN_FILES = ("tests/unit/test_run_files.py",)

REFUSING = (
    Mutation(
        "refusal-takes-its-neighbours",
        "one record that a store refuses makes a dead letter of the first record of its batch",
        f"{_RUNTIME}pipeline.py",
        "            if count == 1:\n                return [store_refusal",
        "            if count:\n                return [store_refusal",
        _REFUSALS,
    ),
    Mutation(
        "refusals-drain-the-topic",
        "a store that refuses every record drains the topic into its dead letters",
        f"{_RUNTIME}pipeline.py",
        "            bad = self._guard.judge(batches, (*done.rejected, *refused))\n",
        "            bad = ()\n",
        _REFUSALS,
    ),
    Mutation(
        "refused-in-a-row",
        "refused records among good ones count as if they came in a row",
        f"{_RUNTIME}pipeline.py",
        "            bad = self._guard.judge(batches, (*done.rejected, *refused))\n",
        "            bad = self._guard.judge(split_decided(batches, {"
        "(b.partition, o): '' for b in batches for o in b.offsets if (b.partition, o) not in "
        "{(r.record.partition, r.record.offset) for r in refused}})[0], refused)\n",
        _REFUSALS,
    ),
    Mutation(
        "isolated-counted-twice",
        "what was applied before a server went away is counted again by the next try",
        f"{_RUNTIME}pipeline.py",
        "            done.accounts.append((projected, known))\n",
        "            self._count(projected, known)\n",
        _REFUSALS,
    ),
    Mutation(
        "refusal-without-words",
        "a dead letter does not say what the store had against the record",
        f"{_RUNTIME}refusals.py",
        "type(error).__name__, shortened(error)",
        "type(error).__name__, STORE_REFUSED",
        _REFUSALS,
    ),
    Mutation(
        "blocker-not-narrowed-down",
        "a record that blocks holds up all that precede it, and no command can name it",
        f"{_RUNTIME}pipeline.py",
        "size = max(1, failing // 2) if failing else _count(left)",
        "size = _count(left)",
        _REFUSALS,
    ),
    Mutation(
        "since-forgotten",
        "a wait seems to begin with each try, and never becomes overdue",
        f"{_RUNTIME}blockages.py",
        "since = self._clock() if before is None else before.since",
        "since = self._clock()",
        _REFUSALS,
    ),
    Mutation(
        "blockage-kept",
        "a partition that goes on is shown as blocked",
        f"{_RUNTIME}pipeline.py",
        "        finally:\n            self.blockages.clear(part)\n",
        "        finally:\n            pass\n",
        _REFUSALS,
    ),
    Mutation(
        "decisions-not-read",
        "a worker that waits learns of an operator's decision only when it is started again",
        f"{_RUNTIME}pipeline.py",
        '                self._once("decisions", self._decisions.refresh, buried)\n',
        "",
        (*_REFUSALS, "tests/unit/test_operator_decisions.py"),
    ),
    Mutation(
        "decision-for-any-partition",
        "an operator's decision takes the record of the same offset in another partition, too",
        f"{_RUNTIME}refusals.py",
        "named = {offset for partition, offset in decided if partition == batch.partition}",
        "named = {offset for _, offset in decided}",
        _REFUSALS,
    ),
    Mutation(
        "decision-drops-the-record",
        "a record that an operator rejects vanishes without a dead letter",
        f"{_RUNTIME}pipeline.py",
        "            self._bury(rejected, self._decisions.of, buried)\n",
        "",
        _REFUSALS,
    ),
    Mutation(
        "decision-of-another-group",
        "a record that is rejected for one group is rejected for all",
        "streams/app/operator_decisions.py",
        'if told["action"] != _REJECT or told["group"] != self._group:',
        'if told["action"] != _REJECT:',
        ("tests/unit/test_operator_decisions.py",),
    ),
    Mutation(
        "overdue-unseen",
        "a worker that has waited at a record for hours is healthy",
        f"{_RUNTIME}vitals.py",
        "for record in blocked if record.overdue",
        "for record in blocked if not record.overdue",
        _VITALS,
    ),
    Mutation(
        "blocked-metric-zero",
        "no alert ever fires for a record that blocks",
        f"{_RUNTIME}metrics.py",
        "levels.blocked.get(at, 0.0)",
        "0.0",
        _VITALS,
    ),
    Mutation(
        "missing-table-is-a-verdict",
        "while a table of Cassandra is missing, every record becomes a dead letter",
        "streams/sinks/cassandra/session.py",
        "if _NOT_MIGRATED.search(str(error)):",
        "if not str(error):",
        _STORES,
    ),
    Mutation(
        "password-is-a-verdict",
        "while Redis refuses the password, every record becomes a dead letter",
        "streams/sinks/redis/client.py",
        'r"|NOAUTH|WRONGPASS|NOPERM|DENIED|MOVED|ASK|NOSCRIPT)',
        'r"|MOVED|ASK|NOSCRIPT)',
        _STORES,
    ),
    Mutation(
        "full-disk-ends-the-lake",
        "a full disk ends the lake worker again and again until it is given up",
        "streams/sinks/delta/table.py",
        "if _STORAGE_AWAY.search(str(error)):",
        "if False:",
        _STORES,
    ),
    Mutation(
        "workers-asked-in-turn",
        "each silent worker delays the answer about the others",
        "streams/answers.py",
        "    for thread in threads:\n        thread.start()\n",
        "    for thread in threads:\n        thread.start()\n        thread.join(within_s)\n",
        _RUN_FILES,
    ),
    Mutation(
        "silent-worker-forgotten",
        "the run file of a stopped worker is removed, and no command shows it any more",
        "streams/app/run_files.py",
        "    if _has_ended(told):\n",
        "    if _has_ended(told) or psutil.Process(told['pid']).status() == 'stopped':\n",
        _RUN_FILES,
    ),
)
