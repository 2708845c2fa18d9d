"""Small programs that stand for servers and workers where the supervision is what is tested."""

import sys
from collections.abc import Iterable
from pathlib import Path

from streams.app.settings import Ports
from streams.stack.config import StackConfig
from streams.stack.servers import probes
from streams.stack.service import LaunchSpec, Memory, ServerPaths, Service, WorkerService
from streams.stack.stack import Stack
from tests.support.local_stack import free_ports

ANSWER = """
import socket, sys, time
time.sleep(float(sys.argv[2]))
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
while True:
    link, _ = server.accept()
    with link:
        link.recv(64)
        link.sendall(b"+PONG\\r\\n")
"""


def toy(
    name: str,
    port: str,
    *,
    code: str = ANSWER,
    delay: float = 0,
    depends_on: Iterable[str] = (),
    uses: Iterable[str] = (),
    log: str = "out.log",
    start_seconds: float = 30,
) -> Service:
    """A server that answers PING after `delay` seconds, or does what `code` says."""

    def launch(site: ServerPaths) -> LaunchSpec:
        command = (sys.executable, "-I", "-S", "-c", code, str(site.port(port)), str(delay))
        return LaunchSpec(command=command, files={})

    return Service(
        name=name,
        product="Toy",
        version="1",
        image="toy:1",
        ports=(port,),
        settings={},
        memory=Memory(at_rest=10),
        launch=launch,
        probe=probes.redis,
        log=log,
        depends_on=tuple(depends_on),
        uses=tuple(uses),
        start_seconds=start_seconds,
        stop_seconds=1,
    )


def worker(name: str, code: str) -> WorkerService:
    return WorkerService(
        name=name, command=(sys.executable, "-I", "-S", "-c", code), stop_seconds=1
    )


def toy_stack(home: Path, *services: Service, workers: Iterable[WorkerService] = ()) -> Stack:
    """A stack of its own on free ports."""
    names = list(Ports.model_fields)
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    config = StackConfig(home=home, cache=home.parent / "cache", ports=ports)
    return Stack(config, services=services, workers=tuple(workers))
