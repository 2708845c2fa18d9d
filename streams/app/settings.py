"""Every setting of Storyline, from the environment (`STORYLINE_…`, nested by `__`) or `.env`."""

import functools
from pathlib import Path
from typing import Annotated

from pydantic import (
    BaseModel,
    Field,
    SecretStr,
    ValidationInfo,
    field_serializer,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from streams.stack.paths import LAKE, require

Port = Annotated[int, Field(ge=1, le=65535)]


class Ports(BaseModel):
    """Loopback ports of the local stack."""

    kafka: Port = 19092
    kafka_controller: Port = 19093
    registry: Port = 18081
    cassandra: Port = 19042
    cassandra_storage: Port = 17000
    redis: Port = 16379
    postgres: Port = 15432
    connect: Port = 18083


class Hosts(BaseModel):
    """Hosts of servers that are not on `host`: containers and clusters name each server."""

    kafka: str | None = None
    registry: str | None = None
    cassandra: str | None = None
    redis: str | None = None
    postgres: str | None = None
    connect: str | None = None


SqlName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]


class AccountsSettings(BaseModel):
    """The accounts database and its users. The local database needs no password."""

    database: SqlName = "accounts"
    """Also names the connector and its topics, `<database>.public.users`."""
    user: str = "postgres"
    """User of `storyline migrate` and of the accounts service."""
    password: SecretStr = SecretStr("")
    cdc_user: SqlName = "storyline_cdc"
    """User of the connector; `storyline migrate` creates it."""
    cdc_password: SecretStr = SecretStr("")

    @field_serializer("password", "cdc_password", when_used="json")
    def _revealed(self, secret: SecretStr) -> str:
        """Return the secret itself: the project's own child processes get these settings."""
        return secret.get_secret_value()


def _default_cache() -> Path:
    return Path.home() / ".cache" / "storyline"


class Settings(BaseSettings):
    """Locations of servers and files, and behaviour of the pipeline.

    Names of durations end in their unit.
    """

    model_config = SettingsConfigDict(
        env_prefix="STORYLINE_",
        env_nested_delimiter="__",
        env_file=".env",
        env_ignore_empty=True,  # an empty home would be the current directory
        extra="ignore",
    )

    home: Path = Path(".storyline")
    """Everything the local stack writes: data, logs, sockets."""
    cache: Path = Field(default_factory=_default_cache)
    """Downloaded jars, shared by all stacks of this user."""
    java: Path | None = None
    """A `java` to use instead of the bundled Java 17."""
    lake: Path | None = None
    """Folder of the Delta tables. Default: `delta` under `home`."""
    host: str = "127.0.0.1"
    hosts: Hosts = Hosts()
    ports: Ports = Ports()
    accounts: AccountsSettings = AccountsSettings()
    views_version: Annotated[str, Field(pattern=r"^v[1-9][0-9]*$")] = "v1"
    """Version of the views that workers write: part of the names of keyspace, Redis keys and
    consumer groups."""
    cassandra_replication: Annotated[int, Field(ge=1, le=9)] = 1
    """Number of copies of each row; takes effect when the keyspace is created."""
    shards: Annotated[int, Field(ge=1, le=1024)] = 16
    """Number of parts into which readers are hashed; fixed for a deployment."""
    copy_parts: Annotated[int, Field(ge=1, le=1024)] = 1
    """Number of parts into which cached rows are hashed: a page asks each part in a call of its
    own, and a cluster can spread the rows no further; fixed for a deployment."""
    node_id: Annotated[int, Field(ge=0, le=1023)] = 0
    """Node of minted ids: 1 to 1000 for services, 1001 to 1022 for generators."""
    timeline_length: Annotated[int, Field(ge=1)] = 800
    inline_followers: Annotated[int, Field(ge=1)] = 64
    """Warm followers per author and shard (with 16 shards: about 1,000 in all) that the posts
    worker serves itself; more become tasks, so that no large author blocks the others."""
    pull_budget: Annotated[int, Field(ge=1)] = 2_000_000
    """Pushes per hour (followers times posts in the hour before) from which on readers pull an
    author's posts. Only authors with more warm followers than the posts worker serves itself are
    considered."""
    pull_followers: Annotated[int, Field(ge=1)] = 100_000
    """Followers from which on readers always pull an author's posts. Only authors with more warm
    followers than the posts worker serves itself are considered."""
    delivery_page: Annotated[int, Field(ge=1)] = 2000
    """Followers that one delivery task serves."""
    batch_records: Annotated[int, Field(ge=1)] = 2000
    batch_wait_ms: Annotated[int, Field(ge=1)] = 50
    lake_batch_records: Annotated[int, Field(ge=1)] = 100_000
    """Maximum number of records in a file of a bronze table."""
    lake_batch_wait_ms: Annotated[int, Field(ge=1)] = 10_000
    """Milliseconds after which a file of a bronze table is written even with fewer records."""
    dead_letter_ratio: Annotated[float, Field(ge=0, le=1)] = 0.1
    """A worker stops if this share of a topic's last `dead_letter_window` records, and no fewer
    than `dead_letter_minimum`, cannot be applied; 0: it never stops for this."""
    dead_letter_window: Annotated[int, Field(ge=1)] = 1000
    dead_letter_minimum: Annotated[int, Field(ge=1, validate_default=True)] = 100
    dead_letter_consecutive: Annotated[int, Field(ge=0)] = 100
    """A worker stops if that many records in a row cannot be applied; 0: it never does."""
    blocked_after_s: Annotated[float, Field(gt=0)] = 60
    """Seconds of waiting at one record after which a worker is unhealthy and fails
    `status --check`."""
    ask_memory_mb: Annotated[int, Field(ge=256)] = 4096
    """Memory of one `storyline ask`; the rest spills to a temporary folder."""
    ask_threads: Annotated[int, Field(ge=1)] | None = None
    """Threads of one `storyline ask`. Default: one per core."""
    session_timeout_s: Annotated[float, Field(ge=6)] = 30
    """Seconds that a group waits for a silent worker before others take its partitions: the pause
    after a worker is killed, and the longest stall of a worker. Brokers usually allow 6 s or more.
    """
    worker_instance: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$")] | None = None
    """Name of this machine's workers in their groups (a pod's or host's name): a worker that is
    restarted within the session timeout gets its partitions back. Default: no name."""
    read_wait_s: Annotated[float, Field(ge=0)] = 10
    """Seconds that a read with `--wait-for` waits until the workers have applied the record."""
    cdc_poll_s: Annotated[float, Field(gt=0)] = 2
    """Seconds between two checks of the connector by `storyline cdc watch`."""
    cdc_restarts: Annotated[int, Field(ge=0)] = 5
    """Restarts in a row of a failed task after which `storyline cdc watch` gives up on it."""
    cdc_metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Prometheus port of `storyline cdc watch`; 0: any free port, named in a file under `home`."""
    expire_poll_s: Annotated[float, Field(gt=0)] = 5
    """Seconds between two searches of `storyline expire` for stories that have ended."""
    expire_metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Prometheus port of `storyline expire`; 0: any free port, named in a file under `home`."""
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Prometheus port of the first agent; the other agents use the ports that follow. 0: any free
    port. A file under `home` names the port in either case."""

    @field_validator("dead_letter_minimum")
    @classmethod
    def _within_the_window(cls, minimum: int, others: ValidationInfo) -> int:
        window = others.data.get("dead_letter_window", minimum)
        if minimum > window:
            raise ValueError(f"STORYLINE_DEAD_LETTER_WINDOW holds only {window} records")
        return minimum

    @property
    def bootstrap(self) -> str:
        return f"{self.hosts.kafka or self.host}:{self.ports.kafka}"

    @property
    def registry_url(self) -> str:
        return f"{self._registry}/apis/ccompat/v7"

    @property
    def converter_registry_url(self) -> str:
        """URL of the registry's own API, for Connect's converters."""
        return f"{self._registry}/apis/registry/v2"

    @property
    def _registry(self) -> str:
        return f"http://{self.hosts.registry or self.host}:{self.ports.registry}"

    @property
    def cassandra_host(self) -> str:
        return self.hosts.cassandra or self.host

    @property
    def redis_host(self) -> str:
        return self.hosts.redis or self.host

    @property
    def postgres_host(self) -> str:
        return self.hosts.postgres or self.host

    @property
    def connect_url(self) -> str:
        return f"http://{self.hosts.connect or self.host}:{self.ports.connect}"

    @property
    def lake_path(self) -> Path:
        """Folder of the Delta tables. Raises `UserError` if some program cannot use its path."""
        folder = self.lake_folder
        require(folder, LAKE, "STORYLINE_LAKE" if self.lake else "STORYLINE_HOME")
        return folder

    @property
    def lake_folder(self) -> Path:
        """Folder of the Delta tables, without a check of its path."""
        return (self.lake or self.home / "delta").expanduser().absolute()

    @property
    def keyspace(self) -> str:
        return f"storyline_{self.views_version}"

    def group(self, name: str) -> str:
        """Return the consumer group of an agent, named after the version of its views."""
        return f"storyline-{self.views_version}-{name}"


@functools.cache
def settings() -> Settings:
    """Return the settings of this process, which are read once."""
    return Settings()
