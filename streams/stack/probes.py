"""Whether a server answers, asked over its own protocol from plain sockets.

An open port comes too early for most of them. Each probe raises OSError while there is no right
answer. Frames are as in the protocol guides of Kafka (Metadata v1), CQL (OPTIONS, v4) and RESP.
"""

import http.client
import socket
import struct

from streams.stack.config import LOOPBACK

_TIMEOUT_S = 2.0
_KAFKA_METADATA = 3
_CQL_SUPPORTED = 0x06


class NotReadyError(OSError):
    """The server answers, but not yet as it should."""


def kafka(port: int) -> None:
    """At least one live broker in the metadata of the cluster."""
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
    """The Confluent-compatible API lists subjects."""
    link = http.client.HTTPConnection(LOOPBACK, port, timeout=_TIMEOUT_S)
    try:
        link.request("GET", "/apis/ccompat/v7/subjects")
        answer = link.getresponse()
        answer.read()
    except http.client.HTTPException as error:
        raise NotReadyError(f"no HTTP answer: {error}") from error
    finally:
        link.close()
    if answer.status != http.HTTPStatus.OK:
        raise NotReadyError(f"HTTP status {answer.status}")


def cassandra(port: int) -> None:
    """The native protocol answers OPTIONS with SUPPORTED."""
    with _connect(port) as link:
        link.sendall(bytes((0x04, 0, 0, 0, 0x05, 0, 0, 0, 0)))
        header = _read(link, 9)
    if header[4] != _CQL_SUPPORTED:
        raise NotReadyError(f"opcode {header[4]}")


def redis(port: int) -> None:
    """PING is answered by PONG; LOADING and the like are not ready."""
    with _connect(port) as link:
        link.sendall(b"PING\r\n")
        answer = link.recv(64)
    if answer != b"+PONG\r\n":
        raise NotReadyError(answer.decode("utf-8", "replace").strip() or "connection closed")


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
