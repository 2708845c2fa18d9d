"""Definition of every metric of a worker: kind, unit, labels, meaning, and what to do if it is off.

Conservation: for a topic of a consumer group, once no batch is in flight, consumed equals applied
plus duplicates plus dead-lettered. The four are counted where each happens; none is computed from
the others. docs/metrics.md lists the metrics of all processes.
"""

from collections.abc import Mapping

CONSUMED = "storyline_records_consumed_total"
"""Counter of records, by `group` and `topic`: records that the transport handed to the worker.

If it does not rise while records are waiting, see `LAG` and `STALLED_SECONDS`.
"""

APPLIED = "storyline_events_applied_total"
"""Counter of events, by `group` and `topic`: events whose effects are durable.

If it is less than the other three counters leave for it and no batch is in flight, records were
lost: stop the worker and keep its log.
"""

DUPLICATES = "storyline_events_duplicate_total"
"""Counter of events, by `group` and `topic`: events that were recognised as applied before.

It rises after a restart or a replay. If it rises all the time, a producer repeats its events.
"""

DEAD_LETTERS = "storyline_records_dead_lettered_total"
"""Counter of records, by `group`, `topic` and `code`: records that are durable in the dead letter
topic or in the lake's quarantine.

If it rises, list the dead letters; the code of each says what to do.
"""

RETRIES = "storyline_step_retries_total"
"""Counter of tries, by `group`, `topic` and `step`: steps of a batch that were tried again because
a server was unavailable.

If it rises, bring the server back that the worker's log names under "waiting for a server".
"""

BATCH_SECONDS = "storyline_batch_seconds"
"""Histogram in seconds, by `group` and `topic`: time from the assembly of a batch to its
acknowledgement.

If it grows at the same number of records in a batch, a store is slow.
"""

BATCH_RECORDS = "storyline_batch_records"
"""Histogram of records, by `group` and `topic`: records in a batch.

Batches at the limit of the settings mean that the worker is catching up: see `LAG`.
"""

LATENCY_SECONDS = "storyline_append_to_applied_seconds"
"""Histogram in seconds, by `group` and `topic`: age of a batch's oldest record when the batch was
acknowledged, from the record's append to the log.

If it grows, readers see old data: start another process of the group.
"""

LAST_APPLIED = "storyline_last_applied_timestamp_seconds"
"""Gauge in seconds since the Unix epoch, by `group` and `topic`: time of the last acknowledgement.

An old time alone means an idle topic; together with a lag, see `STALLED_SECONDS`.
"""

LAG = "storyline_lag_records"
"""Gauge of offsets, by `group`, `topic` and `partition`: offsets between what is applied and the
end of the log, of assigned partitions, as read from the broker every few seconds.

If it grows, start another process of the group, or find what blocks the partition.
"""

STALLED_SECONDS = "storyline_stalled_seconds"
"""Gauge in seconds, by `group`, `topic` and `partition`: time that a partition with records to read
has made no progress, once that is too long; otherwise 0.

If it is above 0, read the reasons under `/healthz`. A worker that cannot recover ends by itself.
"""

BLOCKED_SECONDS = "storyline_blocked_seconds"
"""Gauge in seconds, by `group`, `topic` and `partition`: time that a partition has waited at a
record because a server is unavailable; otherwise 0.

If it is above 60, bring the server back, or reject the record by hand.
"""

BUFFERED = "storyline_buffered_bytes"
"""Gauge in bytes, by `group` and `topic`: keys and values that were fetched and wait for their
pipeline.

A value that stays high means that the stores are slower than the log; the fetcher pauses by
itself.
"""

LIMIT_USED = "storyline_dead_letter_limit_used_ratio"
"""Gauge from 0 to 1, by `group` and `topic`: how near a topic is to its limit of dead letters; 0
without a bad record, 1 when the worker stops.

From 0.5 on, inspect the dead letters before the worker stops.
"""

HELP: Mapping[str, str] = {
    CONSUMED: "Records that the transport handed to the worker.",
    APPLIED: "Events whose effects are durable.",
    DUPLICATES: "Events that were recognised as applied before.",
    DEAD_LETTERS: "Records that are durable in the dead letter topic or the quarantine.",
    RETRIES: "Steps that were tried again because a server was unavailable.",
    BATCH_SECONDS: "Time from the assembly of a batch to its acknowledgement.",
    BATCH_RECORDS: "Records in a batch.",
    LATENCY_SECONDS: "Time from the append of a batch's oldest record to its acknowledgement.",
    LAST_APPLIED: "Time of the last acknowledgement of a batch, in seconds since the Unix epoch.",
    LAG: "Offsets between what is applied and the end of the log, of assigned partitions.",
    STALLED_SECONDS: "Time that a partition with records to read has made no progress.",
    BLOCKED_SECONDS: "Time that a partition has waited at a record for an unavailable server.",
    BUFFERED: "Keys and values that were fetched and wait for their pipeline.",
    LIMIT_USED: "Nearness to the limit of dead letters: 0 without a bad record, 1 where it stops.",
}
"""Name -> help text, for each metric that a worker exposes."""
