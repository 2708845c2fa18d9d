"""Configuration of Debezium's connector to the accounts database, computed from addresses.

Only the columns that the lake has are captured, each by its exact name, so that a column that
is added to `users` never reaches a schema. Debezium reads names as regular expressions that
ignore case; `(?-i:…)` makes a name match nothing else.
"""

from dataclasses import dataclass
from typing import Final

from streams.accounts.database import Server
from streams.accounts.migrate import PUBLICATION
from streams.contracts.tables import UNAVAILABLE, USER
from streams.contracts.times import DAY_MS

CAPTURED: Final = tuple(column.name for column in USER)
"""Columns of `users` that are captured, in the order of the lake's row; no others are."""
KEY: Final = "user_id"
"""Column that keys every change, whatever the table's primary key is."""
COLUMNS: Final = "column.include.list"
"""Connector setting that names the captured columns."""
PARTITIONS: Final = 4
_HEARTBEAT_MS: Final = 2000
_CONVERTER: Final = {
    "": "io.apicurio.registry.utils.converter.AvroConverter",
    ".apicurio.registry.auto-register": "true",
    ".apicurio.registry.find-latest": "false",
    ".apicurio.registry.as-confluent": "true",
    ".apicurio.registry.use-id": "contentId",
    ".apicurio.registry.headers.enabled": "false",
}


@dataclass(frozen=True, slots=True)
class Capture:
    """One captured database: `source` connects as the capture role."""

    source: Server
    registry_url: str
    """URL of Apicurio's own API, as Connect reaches it."""

    @property
    def name(self) -> str:
        """Name of the connector; also the prefix of its topics."""
        return self.source.database

    @property
    def slot(self) -> str:
        return f"{self.name}_cdc"

    @property
    def topic(self) -> str:
        """Topic of the changes of `users`."""
        return f"{self.name}.public.users"

    @property
    def side_topics(self) -> tuple[str, str]:
        """Topics of heartbeats and of transaction boundaries, which are of use for a day."""
        return f"__debezium-heartbeat.{self.name}", f"{self.name}.transaction"


def topic_config() -> dict[str, str]:
    """Return the settings of the topic of changes.

    Its records are kept permanently, because dimensions are rebuilt from them.
    """
    return {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "message.timestamp.type": "LogAppendTime",
    }


def side_topic_config() -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(DAY_MS)}


def connector_config(capture: Capture) -> dict[str, str]:
    """Return the connector's whole configuration, every value as text."""
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        **_source(capture),
        **_records(capture),
        **_delivery(),
        **_topics(capture),
        **_converters(capture),
    }


def _source(capture: Capture) -> dict[str, str]:
    source = capture.source
    return {
        "database.hostname": source.host,
        "database.port": str(source.port),
        "database.user": source.user,
        "database.password": source.password,
        "database.dbname": source.database,
        "plugin.name": "pgoutput",
        "publication.name": PUBLICATION,
        "publication.autocreate.mode": "disabled",
        "slot.name": capture.slot,
        "table.include.list": _exactly("public.users"),
        COLUMNS: ",".join(_exactly(f"public.users.{name}") for name in CAPTURED),
        "message.key.columns": f"public[.]users:{KEY}",
        "snapshot.mode": "initial",
        "heartbeat.interval.ms": str(_HEARTBEAT_MS),
        "heartbeat.action.query": "UPDATE cdc_heartbeat SET ts = now() WHERE id = 1",
        "retriable.restart.connector.wait.ms": "2000",
    }


def _exactly(name: str) -> str:
    """Return the regular expression that matches `name` alone, with regard to case."""
    return f"(?-i:{name.replace('.', '[.]')})"


def _records(capture: Capture) -> dict[str, str]:
    return {
        "topic.prefix": capture.name,
        "provide.transaction.metadata": "true",
        "tombstones.on.delete": "true",
        "skipped.operations": "none",  # else TRUNCATE is left out
        "schema.name.adjustment.mode": "avro",
        "field.name.adjustment.mode": "avro",
        "extended.headers.enabled": "false",
        "unavailable.value.placeholder": UNAVAILABLE,
    }


def _delivery() -> dict[str, str]:
    return {
        "exactly.once.support": "required",
        "poll.interval.ms": "50",
        "max.batch.size": "8192",
        "max.queue.size": "32768",
        "producer.override.compression.type": "lz4",
        "producer.override.linger.ms": "20",
        "producer.override.batch.size": "131072",
    }


def _topics(capture: Capture) -> dict[str, str]:
    side = {
        "include": "|".join(name.replace(".", r"\.") for name in capture.side_topics),
        "replication.factor": "-1",
        "partitions": "1",
        **side_topic_config(),
    }
    default = {"replication.factor": "-1", "partitions": str(PARTITIONS), **topic_config()}
    return {
        "topic.creation.groups": "side",
        **{f"topic.creation.side.{key}": value for key, value in side.items()},
        **{f"topic.creation.default.{key}": value for key, value in default.items()},
    }


def _converters(capture: Capture) -> dict[str, str]:
    converter = _CONVERTER | {".apicurio.registry.url": capture.registry_url}
    return {
        f"{part}.converter{key}": value
        for part in ("key", "value")
        for key, value in converter.items()
    }
