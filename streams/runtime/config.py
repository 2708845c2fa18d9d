"""Settings of a worker's reading, and the Faust app that they configure."""

from dataclasses import dataclass, field
from pathlib import Path

from streams.runtime.consumer.consumer_rules import Buffer
from streams.runtime.consumer.transport import BatchApp

_DAY_S = 86_400.0
_NEVER_FULL = 1_000_000
"""Faust's own bound on a queue, in batches. It is never reached, because the transport fetches only
what there is room for."""


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Settings of a worker's reading. Nothing that Faust keeps in `data_dir` is needed again."""

    group: str
    bootstrap: str
    data_dir: Path
    instance: str | None = None
    """Name of this process in its group; no other running process may have it. A process that
    returns under its name within `session_timeout_s` gets its partitions back at once, and no other
    member's partitions move. A process without a name gives its partitions up when it stops."""
    batch_records: int = 2000
    batch_wait_ms: int = 50
    """Longest time, in milliseconds, that a batch waits until it is full."""
    patient: bool = False
    """Whether every batch waits `batch_wait_ms` from its first record on and is never divided, for
    a store where each batch has a price. Otherwise a batch waits until as much time has passed
    since the batch before as that one took, at most `batch_wait_ms`: what comes after a pause waits
    for nothing, and in a flood a batch is full before that. A batch that waits for a server is then
    divided by partitions, and blocks no other partition."""
    buffer: Buffer = field(default_factory=Buffer)
    commit_every_s: float = 1.0
    """Seconds between commits. A worker that replaces a killed one applies again what the killed
    one had applied since its last commit. Readers that wait for a record (`--wait-for`) wait up to
    this long."""
    session_timeout_s: float = 30.0
    """Seconds that the group waits for a member that is silent."""
    stop_within_s: float = 30.0
    """Seconds from the signal to the end of the process, including the batch in flight."""
    watch_every_s: float = 5.0
    blocked_after_s: float = 60.0
    """Seconds that a worker waits at a record for a server before it reports itself as unhealthy.
    """
    stalled_after_s: float = 120.0
    """Seconds without progress, in a partition with work to do, until the worker is unhealthy. The
    worker then also ends if the partition cannot recover by itself."""


def make_app(config: WorkerConfig) -> BatchApp:
    """Return the Faust app of a group: no web server, no leader topic, no tables, raw bytes."""
    app = BatchApp(
        config.group,
        broker=f"kafka://{config.bootstrap}",
        datadir=str(config.data_dir),
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        # There are no tables. If they might have standbys, Faust's assignor lets members keep as
        # many partitions as the largest share is, and a member that joins late may get none.
        table_standby_replicas=0,
        key_serializer="raw",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=config.instance,
        broker_commit_interval=config.commit_every_s,
        broker_commit_every=None,
        broker_heartbeat_interval=config.session_timeout_s / 10,
        broker_session_timeout=config.session_timeout_s,
        broker_request_timeout=60.0,
        broker_rebalance_timeout=60.0,
        # A store may be down for hours; a full buffer is no reason to leave the group.
        broker_max_poll_interval=_DAY_S,
        consumer_max_fetch_size=1_048_576,
        stream_buffer_maxsize=_NEVER_FULL,
        stream_wait_empty=False,
        worker_redirect_stdouts=False,
    )
    app.buffer = config.buffer
    return app
