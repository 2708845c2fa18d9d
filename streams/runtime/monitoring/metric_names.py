"""Name of every metric of a worker, and what it counts.

Conservation: for a topic of a consumer group, once no batch is in flight, consumed equals applied
plus duplicates plus dead-lettered. The four are counted where each happens; none is computed from
the others.
"""

from collections.abc import Mapping

CONSUMED = "storyline_records_consumed_total"
APPLIED = "storyline_events_applied_total"
DUPLICATES = "storyline_events_duplicate_total"
DEAD_LETTERS = "storyline_records_dead_lettered_total"
RETRIES = "storyline_step_retries_total"
BATCH_SECONDS = "storyline_batch_seconds"
BATCH_RECORDS = "storyline_batch_records"
LATENCY_SECONDS = "storyline_append_to_applied_seconds"
LAST_APPLIED = "storyline_last_applied_timestamp_seconds"
LAG = "storyline_lag_records"
STALLED_SECONDS = "storyline_stalled_seconds"
BLOCKED_SECONDS = "storyline_blocked_seconds"
BUFFERED = "storyline_buffered_bytes"
LIMIT_USED = "storyline_dead_letter_limit_used_ratio"

HELP: Mapping[str, str] = {
    CONSUMED: "Records handed over by the transport.",
    APPLIED: "Events whose effects are durable.",
    DUPLICATES: "Events recognised as seen before.",
    DEAD_LETTERS: "Records that are durable in the dead letter topic or the quarantine.",
    RETRIES: "Steps tried again because a server did not answer.",
    BATCH_SECONDS: "Time from a batch being gathered to its acknowledgement.",
    BATCH_RECORDS: "Records in a batch.",
    LATENCY_SECONDS: "Time from the append of a batch's oldest record to its acknowledgement.",
    LAST_APPLIED: "When a batch was last acknowledged, in seconds since the Unix epoch.",
    LAG: "Offsets between what is applied and the end of the log, of assigned partitions.",
    STALLED_SECONDS: "For how long a partition with work to do has made no progress.",
    BLOCKED_SECONDS: "How long a partition has waited for a server at a record.",
    BUFFERED: "Keys and values that were fetched and wait for their pipeline.",
    LIMIT_USED: "How near the limit of dead letters is: 0 without a bad record, 1 where it stops.",
}
"""Name -> what it counts, for each metric that a worker answers with."""
