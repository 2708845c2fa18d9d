"""Every setting of Storyline, from the environment (`STORYLINE_…`, nested by `__`) or `.env`."""

import functools
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=1, le=65535)]


class Ports(BaseModel):
    """Loopback ports of the local stack."""

    kafka: Port = 19092
    kafka_controller: Port = 19093
    registry: Port = 18081
    cassandra: Port = 19042
    cassandra_storage: Port = 17000
    redis: Port = 16379


class Hosts(BaseModel):
    """Where each server is, if not on `host`: containers and clusters give each its own name."""

    kafka: str | None = None
    registry: str | None = None
    cassandra: str | None = None
    redis: str | None = None


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
    host: str = "127.0.0.1"
    hosts: Hosts = Hosts()
    ports: Ports = Ports()
    views_version: Annotated[str, Field(pattern=r"^v[1-9][0-9]*$")] = "v1"
    """Names the views that workers write: keyspace, Redis keys, consumer groups."""
    cassandra_replication: Annotated[int, Field(ge=1, le=9)] = 1
    """Copies of each row, counted when the keyspace is created."""
    shards: Annotated[int, Field(ge=1, le=1024)] = 16
    """Into how many parts readers are hashed; fixed for a deployment."""
    node_id: Annotated[int, Field(ge=0, le=1023)] = 0
    """Node of minted ids: 1 to 1000 services, 1001 to 1022 generators."""
    timeline_length: Annotated[int, Field(ge=1)] = 800
    inline_followers: Annotated[int, Field(ge=1)] = 32
    """Warm followers per author and shard (with 16 shards: about 500 in all) that the posts
    worker serves itself; more become tasks, so that no giant holds up the others."""
    delivery_page: Annotated[int, Field(ge=1)] = 2000
    """Followers that one delivery task serves."""
    batch_records: Annotated[int, Field(ge=1)] = 2000
    batch_wait_ms: Annotated[int, Field(ge=1)] = 50
    session_timeout_s: Annotated[float, Field(ge=6)] = 30
    """How long a group waits for a silent worker before others take its partitions: what a
    killed worker costs, and what a stalled one may take. Brokers usually allow 6 s or more."""
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Where the first of the agents answers Prometheus, the next ones on the ports that follow;
    0: any free port. Either way it is told in a file under `home`."""

    @property
    def bootstrap(self) -> str:
        return f"{self.hosts.kafka or self.host}:{self.ports.kafka}"

    @property
    def registry_url(self) -> str:
        return f"http://{self.hosts.registry or self.host}:{self.ports.registry}/apis/ccompat/v7"

    @property
    def cassandra_host(self) -> str:
        return self.hosts.cassandra or self.host

    @property
    def redis_host(self) -> str:
        return self.hosts.redis or self.host

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
