"""State of PostgreSQL's change stream: the slot, the log that it keeps, and the heartbeat."""

from typing import Final, LiteralString, NamedTuple

from psycopg import errors

from streams.accounts.database import Connection, driver_errors
from streams.errors import UserError

_SLOT: Final[LiteralString] = """
SELECT active, wal_status,
    pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint,
    pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint
FROM pg_replication_slots WHERE slot_name = %s
"""
_HEARTBEAT: Final[LiteralString] = (
    "SELECT extract(epoch FROM now() - ts)::float FROM cdc_heartbeat WHERE id = 1"
)
_DROP: Final[LiteralString] = (
    "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s"
)


class SlotStatus(NamedTuple):
    """State of a replication slot; sizes in bytes, `None` if PostgreSQL does not know them."""

    active: bool
    """True if the connector reads it now."""
    lost: bool
    """True if PostgreSQL removed log that the slot had still to deliver."""
    lag_bytes: int | None
    """Write-ahead log since the position that the connector has confirmed."""
    wal_kept_bytes: int | None
    """Write-ahead log that the slot keeps PostgreSQL from removing."""


def slot_status(connection: Connection, slot: str) -> SlotStatus | None:
    """Return the state of a slot; `None` if there is no such slot."""
    with driver_errors():
        row = connection.execute(_SLOT, (slot,)).fetchone()
    if row is None:
        return None
    active, wal_status, lag, kept = row
    return SlotStatus(active, wal_status == "lost", lag, kept)


def heartbeat_age_s(connection: Connection) -> float | None:
    """Return the seconds since the connector last wrote its heartbeat; `None` if there is none."""
    with driver_errors():
        try:
            row = connection.execute(_HEARTBEAT).fetchone()
        except errors.UndefinedTable:
            return None
    return None if row is None else max(0.0, row[0])


def drop_slot(connection: Connection, slot: str) -> bool:
    """Drop the slot. Return whether it existed; raise UserError if it is in use."""
    with driver_errors():
        try:
            return connection.execute(_DROP, (slot,)).fetchone() is not None
        except errors.ObjectInUse as error:
            raise UserError(
                f"the slot {slot} is in use: {error.diag.message_primary}",
                hint="the connector must be stopped first: storyline cdc drop",
            ) from error
