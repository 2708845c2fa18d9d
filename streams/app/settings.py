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
    """Where each server is, if not on `host`: containers and clusters give each its own name."""

    kafka: str | None = None
    registry: str | None = None
    cassandra: str | None = None
    redis: str | None = None
    postgres: str | None = None
    connect: str | None = None


SqlName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]


class AccountsSettings(BaseModel):
    """The accounts database and who uses it. Locally nobody needs a password."""

    database: SqlName = "accounts"
    """Also names the connector and its topics, `<database>.public.users`."""
    user: str = "postgres"
    """Whom `storyline migrate` and the accounts service connect as."""
    password: SecretStr = SecretStr("")
    cdc_user: SqlName = "storyline_cdc"
    """Whom the connector connects as; `storyline migrate` makes it."""
    cdc_password: SecretStr = SecretStr("")

    @field_serializer("password", "cdc_password", when_used="json")
    def _revealed(self, secret: SecretStr) -> str:
        """For processes of our own, which are given these very settings."""
        return secret.get_secret_value()


def _default_cache() -> Path:
    return Path.home() / ".cache" / "storyline"


class Settings(BaseSettings):
    """Where things are and how the pipeline behaves. Durations end in their unit."""

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
    """Where the Delta tables lie. Default: `delta` under `home`."""
    host: str = "127.0.0.1"
    hosts: Hosts = Hosts()
    ports: Ports = Ports()
    accounts: AccountsSettings = AccountsSettings()
    views_version: Annotated[str, Field(pattern=r"^v[1-9][0-9]*$")] = "v1"
    """Names the views that workers write: keyspace, Redis keys, consumer groups."""
    cassandra_replication: Annotated[int, Field(ge=1, le=9)] = 1
    """Copies of each row, counted when the keyspace is created."""
    shards: Annotated[int, Field(ge=1, le=1024)] = 16
    """Into how many parts readers are hashed; fixed for a deployment."""
    copy_parts: Annotated[int, Field(ge=1, le=1024)] = 1
    """Into how many parts copies of posts and relations are hashed: a page asks each in a call of
    its own, and a cluster can spread no more than these; fixed for a deployment."""
    node_id: Annotated[int, Field(ge=0, le=1023)] = 0
    """Node of minted ids: 1 to 1000 services, 1001 to 1022 generators."""
    timeline_length: Annotated[int, Field(ge=1)] = 800
    inline_followers: Annotated[int, Field(ge=1)] = 64
    """Warm followers per author and shard (with 16 shards: about 1,000 in all) that the posts
    worker serves itself; more become tasks, so that no giant holds up the others."""
    pull_budget: Annotated[int, Field(ge=1)] = 2_000_000
    """Pushes an hour (followers times posts in the hour before) from which on an author's posts
    are pulled when read, not pushed …"""
    pull_followers: Annotated[int, Field(ge=1)] = 100_000
    """… and followers from which on they always are. Only authors with more warm followers than
    the posts worker serves itself are looked at."""
    delivery_page: Annotated[int, Field(ge=1)] = 2000
    """Followers that one delivery task serves."""
    batch_records: Annotated[int, Field(ge=1)] = 2000
    batch_wait_ms: Annotated[int, Field(ge=1)] = 50
    lake_batch_records: Annotated[int, Field(ge=1)] = 100_000
    """A file of a bronze table holds at most so many records …"""
    lake_batch_wait_ms: Annotated[int, Field(ge=1)] = 10_000
    """… or what came in so long, whichever is reached first."""
    dead_letter_ratio: Annotated[float, Field(ge=0, le=1)] = 0.1
    """A worker stops where such a share of a topic's last `dead_letter_window` records cannot be
    applied, and no fewer than `dead_letter_minimum`; 0: it never does so."""
    dead_letter_window: Annotated[int, Field(ge=1)] = 1000
    dead_letter_minimum: Annotated[int, Field(ge=1, validate_default=True)] = 100
    dead_letter_consecutive: Annotated[int, Field(ge=0)] = 100
    """It also stops where so many records in a row cannot be applied; 0: it never does so."""
    blocked_after_s: Annotated[float, Field(gt=0)] = 60
    """A worker that waits at one record for so long is unhealthy, and fails `status --check`."""
    ask_memory_mb: Annotated[int, Field(ge=256)] = 4096
    """Memory of one `storyline ask`; what does not fit goes to a temporary folder."""
    ask_threads: Annotated[int, Field(ge=1)] | None = None
    """Threads of one `storyline ask`. Default: one per core."""
    session_timeout_s: Annotated[float, Field(ge=6)] = 30
    """How long a group waits for a silent worker before others take its partitions: what a
    killed worker costs, and what a stalled one may take. Brokers usually allow 6 s or more."""
    worker_instance: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$")] | None = None
    """Names this machine's workers in their groups (a pod's or host's name), so that one that is
    started again within the session timeout finds its partitions waiting. Default: no name."""
    read_wait_s: Annotated[float, Field(ge=0)] = 10
    """How long a read that is to hold a given record waits for the workers (`--wait-for`)."""
    cdc_poll_s: Annotated[float, Field(gt=0)] = 2
    """How often `storyline cdc watch` looks after the connector."""
    cdc_restarts: Annotated[int, Field(ge=0)] = 5
    """How many times in a row it restarts a failed task before it gives up on it."""
    cdc_metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Where it answers Prometheus; 0: any free port, told in a file under `home`."""
    expire_poll_s: Annotated[float, Field(gt=0)] = 5
    """How often `storyline expire` looks for stories that have ended."""
    expire_metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Where it answers Prometheus; 0: any free port, told in a file under `home`."""
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Where the first of the agents answers Prometheus, the next ones on the ports that follow;
    0: any free port. Either way it is told in a file under `home`."""

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
        """The registry in its own API, for Connect's converters."""
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
        """The folder of the Delta tables. Raises `UserError` if no program could use its path."""
        folder = self.lake_folder
        require(folder, LAKE, "STORYLINE_LAKE" if self.lake else "STORYLINE_HOME")
        return folder

    @property
    def lake_folder(self) -> Path:
        """The folder of the Delta tables, whatever its path is."""
        return (self.lake or self.home / "delta").expanduser().absolute()

    @property
    def keyspace(self) -> str:
        return f"storyline_{self.views_version}"

    def group(self, name: str) -> str:
        """The consumer group of an agent, bound to the version of the views it writes."""
        return f"storyline-{self.views_version}-{name}"


@functools.cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
