"""Declared list: every server of the stack and every worker that it can keep running.

`docker-compose.yml` is tested against this list. A new server is a new entry here.
"""

import sys
from collections.abc import Iterable

from streams.errors import UserError
from streams.stack.servers.cassandra import CASSANDRA
from streams.stack.servers.connect import CONNECT
from streams.stack.servers.kafka import KAFKA
from streams.stack.servers.postgres import POSTGRES
from streams.stack.servers.redis import REDIS
from streams.stack.servers.registry import REGISTRY
from streams.stack.service import Service, WorkerService

SERVICES: tuple[Service, ...] = (KAFKA, REGISTRY, CASSANDRA, REDIS, POSTGRES, CONNECT)

LIBRARIES = ("delta",)
"""Sections of the lock for a program that is not a server: Spark."""

_GROUPS = ("posts", "delivery", "graph", "stories", "engagement", "lake")

_STORYLINE = (sys.executable, "-m", "streams.cli.main")

WORKERS: tuple[WorkerService, ...] = (
    # Named, so that a restarted worker continues at once with the partitions that it had.
    *(
        WorkerService(name=name, command=(*_STORYLINE, "run", name, "--instance", "up"))
        for name in _GROUPS
    ),
    WorkerService(name="expire", command=(*_STORYLINE, "expire")),
    WorkerService(name="cdc", command=(*_STORYLINE, "cdc", "watch")),
)
"""One process per group of agents, one that publishes the expiry of stories, and one that maintains
the connector of the accounts."""


def chosen(only: Iterable[str], services: tuple[Service, ...] = SERVICES) -> tuple[Service, ...]:
    """Return the named servers and what they depend on, in the list's order; all if none is named.

    Raises:
        UserError: a name is unknown; the hint lists the known ones.
    """
    by_name = {service.name: service for service in services}
    names = set(only)
    if not names:
        return services
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in by_name:
            raise UserError(
                f"there is no server called {name}", hint=f"servers are: {', '.join(by_name)}"
            )
        for dependency in (*by_name[name].depends_on, *by_name[name].uses):
            if dependency not in names:
                names.add(dependency)
                pending.append(dependency)
    return tuple(service for service in services if service.name in names)
