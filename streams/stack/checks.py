"""Checks before a start: the home is writable, its path is usable and the ports are free."""

import errno
import shutil
import socket
from collections.abc import Iterable

import psutil

from streams import host
from streams.errors import UserError
from streams.stack import paths
from streams.stack.config import LOOPBACK, StackConfig
from streams.stack.service import Service

SPARE_MEGABYTES = 512
"""Free space that the servers need at least, for logs and first segments."""


def usable_paths(config: StackConfig) -> None:
    """Raise `UserError` if a program would misread the path of the home, the lake or the cache."""
    paths.require(config.home, paths.HOME, "STORYLINE_HOME")
    if config.lake is not None:
        inside = config.lake.is_relative_to(config.home)
        setting = "STORYLINE_HOME" if inside else "STORYLINE_LAKE"
        paths.require(config.lake, paths.LAKE, setting)
    if ":" in str(config.cache):
        raise UserError(
            f"the path {str(config.cache)!r} has ':': Java takes it for the end of a path",
            hint="name a path without it with STORYLINE_CACHE",
        )


def usable_home(config: StackConfig) -> None:
    """Raise `UserError` if the home cannot be created or written to.

    Raise it also if the home's disk is nearly full, or if a program could not use a path of the
    stack (see `usable_paths`).
    """
    usable_paths(config)
    probe = config.home / ".writable"
    try:
        config.home.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"cannot write to {config.home}: {error.strerror}",
            hint="put the stack elsewhere with STORYLINE_HOME",
        ) from error
    free = shutil.disk_usage(config.home).free // 1_000_000
    if free < SPARE_MEGABYTES:
        raise UserError(
            f"the disk of {config.home} is nearly full: {free} MB free,"
            f" {SPARE_MEGABYTES} MB needed",
            hint="free some space, or put the stack elsewhere with STORYLINE_HOME",
        )


def setting(port_name: str) -> str:
    """Return the name of the setting that changes a port."""
    return f"STORYLINE_PORTS__{port_name.upper()}"


def distinct_ports(config: StackConfig, services: Iterable[Service]) -> None:
    """Raise `UserError` if two ports of this stack have the same number."""
    seen: dict[int, str] = {}
    for service in services:
        for name in service.ports:
            port = config.ports[name]
            if port in seen:
                raise UserError(
                    f"port {port} is given twice: {setting(seen[port])} and {setting(name)}",
                    hint="give each its own",
                )
            seen[port] = name


def free_ports(config: StackConfig, services: Iterable[Service]) -> None:
    """Raise `UserError` with port, server and setting if another program listens on a port."""
    for service in services:
        for name in service.ports:
            port = config.ports[name]
            if not is_free(port):
                raise UserError(
                    f"port {port}, wanted by {service.name}, is in use{_by_whom(port)}",
                    hint=f"stop that program, or choose another port with {setting(name)}",
                )


def is_free(port: int) -> bool:
    """Return whether a server can listen on a loopback port now."""
    for address in host.conflicting_addresses(LOOPBACK):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
                if address:  # macOS asks the user before a program listens on all addresses
                    probe.listen(1)
            except OSError as error:
                if error.errno in (errno.EADDRINUSE, errno.EACCES):
                    return False
                raise
    return True


def _by_whom(port: int) -> str:
    try:
        for link in psutil.net_connections("tcp"):
            if link.laddr and link.laddr.port == port and link.status == psutil.CONN_LISTEN:
                return f" by process {link.pid} ({psutil.Process(link.pid).name()})"
    except psutil.Error:
        pass
    return ""
