"""Bronze tables made straight from events, with no Kafka: one commit per topic and call."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, Transaction, write_deltalake

from streams.contracts.arrow import arrow_schema
from streams.contracts.bronze import bronze_table, lake_tables
from streams.contracts.catalog import topic_of
from streams.generate.network import Network
from streams.generate.world import Plan
from streams.sinks.delta.table import create_tables
from tests.oracle.validity import Event, record_key

USERS = "accounts.public.users"
_PARTITIONS = 2
_TIMES = ("occurred_at", "expires_at")
_MS = 1000


def week(
    users: int, events: int, seed: int, *, start: int = 1_700_000_000_000, oddities: float = 0.0
) -> list[Event]:
    """The events of a generated week as dicts, times in ms."""
    plan = Plan(users=users, events=events, seed=seed, start=start, oddities=oddities)
    return [{"type": type(event).__name__, **asdict(event)} for event in Network(plan)]


class Bronze:
    """The bronze half of a lake at `path`, and the position that its log has reached."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offsets: dict[tuple[str, int], int] = defaultdict(int)
        create_tables(path, lake_tables())

    def append(self, events: Iterable[Event], append_time: int = 1_800_000_000_000) -> None:
        """Land events (dicts, times in ms), each in its topic's table, as a batch of each."""
        topics: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for event in events:
            topic = topic_of(event["type"]).name
            fields = {key: value for key, value in event.items() if key != "type"}
            times = {key: fields[key] * _MS for key in _TIMES if key in fields}
            partition = int(record_key(event)) % _PARTITIONS
            topics[topic].append(
                {"record_type": event["type"]}
                | fields
                | times
                | self._position(topic, partition, append_time)
            )
        for topic, rows in topics.items():
            self._land(topic, rows)

    def change(self, changes: Iterable[dict[str, Any]], append_time: int = 1) -> None:
        """Land rows of bronze_users_cdc, given without their position; times in µs."""
        self._land(USERS, [change | self._position(USERS, 0, append_time) for change in changes])

    def _position(self, topic: str, partition: int, append_time: int) -> dict[str, Any]:
        offset = self._offsets[topic, partition]
        self._offsets[topic, partition] += 1
        return {
            "schema_id": 1,
            "kafka_partition": partition,
            "kafka_offset": offset,
            "append_time": append_time * _MS,
            "append_date": datetime.fromtimestamp(append_time / 1000, UTC).date(),
        }

    def _land(self, topic: str, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        table = bronze_table(topic)
        reached = {row["kafka_partition"]: row["kafka_offset"] for row in rows}
        transactions = [
            Transaction(f"storyline/{topic}/{partition}", offset)
            for partition, offset in reached.items()
        ]
        write_deltalake(
            self.path / table.name,
            pa.Table.from_pylist(rows, arrow_schema(table)),
            mode="append",
            commit_properties=CommitProperties(app_transactions=transactions),
        )
