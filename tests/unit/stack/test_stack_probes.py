"""Readiness: only the right answer will do."""

import http.server
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from streams.stack.servers import probes
from streams.stack.service import Service
from streams.stack.services import SERVICES


@contextmanager
def answering(answer: bytes, request_size: int) -> Iterator[int]:
    """A server that reads a request of a known size and sends fixed bytes."""

    def serve() -> None:
        link, _ = server.accept()
        with link:
            got = b""
            while len(got) < request_size:
                got += link.recv(1024)
            link.sendall(answer)
            link.shutdown(socket.SHUT_WR)
            while link.recv(1024):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def kafka_answer(brokers: int) -> bytes:
    body = struct.pack(">ii", 1, brokers) + b"\0" * 20
    return struct.pack(">i", len(body)) + body


def cql_answer(opcode: int) -> bytes:
    return bytes((0x84, 0, 0, 0, opcode)) + struct.pack(">i", 0)


def postgres_answer(*messages: tuple[bytes, bytes]) -> bytes:
    return b"".join(kind + struct.pack(">i", 4 + len(body)) + body for kind, body in messages)


WELCOME = postgres_answer((b"R", bytes(4)), (b"S", b"TimeZone\0UTC\0"), (b"Z", b"I"))
ROW = postgres_answer((b"T", bytes(6)), (b"D", b"\0\1\0\0\0\0011"), (b"C", b"SELECT 1\0"))
READY = postgres_answer((b"Z", b"I"))
STARTING = postgres_answer((b"E", b"SFATAL\0C57P03\0Mthe database system is starting up\0\0"))
PASSWORD = postgres_answer((b"R", struct.pack(">i", 10) + b"SCRAM-SHA-256\0\0"))

STARTUP = 8 + 33
KAFKA_REQUEST, CQL_REQUEST, PING = 4 + 10 + 9 + 4, 9, 6


@pytest.mark.parametrize(
    ("probe", "size", "answer"),
    [
        (probes.kafka, KAFKA_REQUEST, kafka_answer(1)),
        (probes.cassandra, CQL_REQUEST, cql_answer(6)),
        (probes.redis, PING, b"+PONG\r\n"),
        (probes.postgres, STARTUP, WELCOME + ROW + READY),
    ],
    ids=["kafka", "cassandra", "redis", "postgres"],
)
def test_the_right_answer_is_ready(probe: Callable[[int], None], size: int, answer: bytes) -> None:
    with answering(answer, size) as port:
        probe(port)


@pytest.mark.parametrize(
    ("probe", "size", "answer"),
    [
        (probes.kafka, KAFKA_REQUEST, kafka_answer(0)),
        (probes.kafka, KAFKA_REQUEST, b"\0\0"),
        (probes.cassandra, CQL_REQUEST, cql_answer(0)),
        (probes.cassandra, CQL_REQUEST, b""),
        (probes.redis, PING, b"-LOADING Redis is loading the dataset in memory\r\n"),
        (probes.redis, PING, b""),
        (probes.postgres, STARTUP, STARTING),
        (probes.postgres, STARTUP, WELCOME + STARTING),
        (probes.postgres, STARTUP, WELCOME + READY),
        (probes.postgres, STARTUP, PASSWORD),
        (probes.postgres, STARTUP, b""),
    ],
)
def test_another_answer_is_not(probe: Callable[[int], None], size: int, answer: bytes) -> None:
    with answering(answer, size) as port, pytest.raises(probes.NotReadyError):
        probe(port)


@pytest.mark.parametrize(("status", "ready"), [(200, True), (404, False), (503, False)])
@pytest.mark.parametrize(
    ("probe", "path"),
    [(probes.registry, "/apis/ccompat/v7/subjects"), (probes.connect, "/health")],
    ids=["registry", "connect"],
)
def test_whoever_speaks_http_must_say_that_all_is_well(
    probe: Callable[[int], None], path: str, status: int, ready: bool
) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == path else 500)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        if ready:
            probe(server.server_port)
        else:
            with pytest.raises(probes.NotReadyError):
                probe(server.server_port)
        thread.join()


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_nobody_there_is_not_ready(service: Service) -> None:
    with pytest.raises(OSError, match="refused"):
        service.probe(1)
