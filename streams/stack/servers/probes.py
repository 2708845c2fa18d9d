"""Readiness probes: each asks a server over its own protocol, without a client library.

Most servers open their port before they are ready. Each probe raises `OSError` until the server
gives the right answer. Frames follow the protocol guides of Kafka (Metadata v1), CQL (OPTIONS, v4),
RESP and PostgreSQL (3.0).
"""

import http.client
import socket
import struct

from streams.stack.config import LOOPBACK

_TIMEOUT_S = 2.0
_KAFKA_METADATA = 3
_CQL_SUPPORTED = 0x06
_POSTGRES_PROTOCOL = 3 << 16


class NotReadyError(OSError):
    """The server answers, but not yet as it should."""


def kafka(port: int) -> None:
    """Raise `OSError` unless the cluster's metadata has at least one live broker."""
    client = b"storyline"
    # api key, version 1, correlation id, client id, an empty array of topics
    request = struct.pack(">hhih", _KAFKA_METADATA, 1, 1, len(client)) + client
    request += struct.pack(">i", 0)
    with _connect(port) as link:
        link.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", _read(link, 4))
        _correlation, brokers = struct.unpack(">ii", _read(link, size)[:8])
    if brokers < 1:
        raise NotReadyError("no broker is registered yet")


def registry(port: int) -> None:
    """Raise `OSError` unless the Confluent-compatible API lists subjects."""
    _get(port, "/apis/ccompat/v7/subjects")


def connect(port: int) -> None:
    """Raise `OSError` unless the worker has joined its group and read its topics to their ends."""
    _get(port, "/health")


def _get(port: int, path: str) -> None:
    link = http.client.HTTPConnection(LOOPBACK, port, timeout=_TIMEOUT_S)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        answer.read()
    except http.client.HTTPException as error:
        raise NotReadyError(f"no HTTP answer: {error}") from error
    finally:
        link.close()
    if answer.status != http.HTTPStatus.OK:
        raise NotReadyError(f"HTTP status {answer.status}")


def cassandra(port: int) -> None:
    """Raise `OSError` unless the native protocol answers OPTIONS with SUPPORTED."""
    with _connect(port) as link:
        link.sendall(bytes((0x04, 0, 0, 0, 0x05, 0, 0, 0, 0)))
        header = _read(link, 9)
    if header[4] != _CQL_SUPPORTED:
        raise NotReadyError(f"opcode {header[4]}")


def redis(port: int) -> None:
    """Raise `OSError` unless PING returns PONG; any other answer, such as LOADING, is not ready."""
    with _connect(port) as link:
        link.sendall(b"PING\r\n")
        answer = link.recv(64)
    if answer != b"+PONG\r\n":
        raise NotReadyError(answer.decode("utf-8", "replace").strip() or "connection closed")


def postgres(port: int) -> None:
    """Raise `OSError` unless SELECT 1 returns a row; a server that is starting up refuses it."""
    parameters = b"user\0postgres\0database\0postgres\0\0"
    query = b"SELECT 1\0"
    with _connect(port) as link:
        link.sendall(struct.pack(">ii", 8 + len(parameters), _POSTGRES_PROTOCOL) + parameters)
        _until_ready(link)
        link.sendall(b"Q" + struct.pack(">i", 4 + len(query)) + query)
        if b"D" not in _until_ready(link):
            raise NotReadyError("no row for SELECT 1")
        link.sendall(b"X" + struct.pack(">i", 4))


def _until_ready(link: socket.socket) -> set[bytes]:
    """Read PostgreSQL's messages up to ReadyForQuery and return their types."""
    seen: set[bytes] = set()
    while b"Z" not in seen:
        kind, size = struct.unpack(">ci", _read(link, 5))
        body = _read(link, size - 4)
        if kind == b"E":
            raise NotReadyError(body.replace(b"\0", b" ").decode("utf-8", "replace"))
        if kind == b"R" and body[:4] != bytes(4):
            raise NotReadyError("a password is wanted")
        seen.add(kind)
    return seen


def _connect(port: int) -> socket.socket:
    return socket.create_connection((LOOPBACK, port), timeout=_TIMEOUT_S)


def _read(link: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        piece = link.recv(size - len(got))
        if not piece:
            raise NotReadyError("connection closed")
        got += piece
    return got
