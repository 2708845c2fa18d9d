"""How a worker reads, and the Faust app that does."""

from dataclasses import dataclass, field
from pathlib import Path

from streams.runtime.consumer.consumer_rules import Buffer
from streams.runtime.consumer.transport import BatchApp

_DAY_S = 86_400.0
_NEVER_FULL = 1_000_000
"""Faust's own bound on a queue, in batches: the transport fetches nothing that has no room."""


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """How a worker reads. `data_dir` is for what Faust keeps, which here is nothing to miss."""

    group: str
    bootstrap: str
    data_dir: Path
    instance: str | None = None
    """This process's name in its group, which no other running process may have. A process that
    comes back under its name within `session_timeout_s` has its partitions at once, and nobody
    else's move; one without a name gives them up when it stops."""
    batch_records: int = 2000
    batch_wait_ms: int = 50
    """How long records are waited for until a batch is full, at most."""
    patient: bool = False
    """Whether that is always waited, and a batch never divided, for a store where each has a price.
    Otherwise a batch waits no longer than the one before took: hardly at all when little comes, and
    in a flood it is full before that. One that a server holds up is divided by partitions, and
    holds up no other."""
    buffer: Buffer = field(default_factory=Buffer)
    commit_every_s: float = 1.0
    """What was applied meanwhile, a killed worker does again; and readers who wait for a record
    (`--wait-for`) wait so long."""
    session_timeout_s: float = 30.0
    """How long the group waits for a member that is silent."""
    stop_within_s: float = 30.0
    """From the signal to the end, the batch in hand included."""
    watch_every_s: float = 5.0
    blocked_after_s: float = 60.0
    """A worker that waits at a record for a server reports itself as unhealthy after so long."""
    stalled_after_s: float = 120.0
    """A partition with work to do that makes no progress for so long makes the worker unhealthy,
    and ends it where it will not make any by itself."""


def make_app(config: WorkerConfig) -> BatchApp:
    """The Faust app of a group: no web server, no leader topic, no tables, raw bytes."""
    app = BatchApp(
        config.group,
        broker=f"kafka://{config.bootstrap}",
        datadir=str(config.data_dir),
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        # There are no tables. Where they might have stand-ins, Faust's assignor lets members keep
        # as many partitions as the largest share is, and one who comes late may have none.
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
