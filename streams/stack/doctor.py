"""Checks of everything the stack needs, with advice on what is missing."""

import platform
import pwd
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from streams import host
from streams.errors import UserError
from streams.stack import checks
from streams.stack.artifacts import archive, download
from streams.stack.artifacts.jars import jars_of
from streams.stack.servers.java import java, major_version
from streams.stack.service import ServerPaths, Service
from streams.stack.stack import Stack

_MEGABYTE = 1_000_000
_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check."""

    subject: str
    level: str
    """`ok`, `note` (`up` fixes it) or `problem`."""
    text: str
    advice: str = ""


def examine(stack: Stack) -> tuple[Finding, ...]:
    """Check everything and return the findings; change nothing except that the home is created."""
    looks: tuple[Callable[[Stack], Iterator[Finding]], ...] = (
        _python,
        _java,
        _home,
        _memory,
        _files,
        _ports,
    )
    return tuple(finding for look in looks for finding in look(stack))


def _python(stack: Stack) -> Iterator[Finding]:  # noqa: ARG001
    yield Finding("python", "ok", f"{platform.python_version()} ({sys.executable})")


def _java(stack: Stack) -> Iterator[Finding]:
    try:
        program = java(stack.config.java)
        yield Finding("java", "ok", f"{major_version(program)} ({program})")
    except UserError as error:
        yield Finding("java", "problem", error.message, error.hint or "")


def _home(stack: Stack) -> Iterator[Finding]:
    home = stack.config.home
    try:
        checks.usable_home(stack.config)
    except UserError as error:
        yield Finding("home", "problem", error.message, error.hint or "")
        return
    free = shutil.disk_usage(home).free // _MEGABYTE
    yield Finding("home", "ok", f"{home}, {free} MB free")
    if not host.allows_programs(home):
        yield Finding(
            "home",
            "problem",
            f"{home} is mounted noexec, so servers cannot load their native libraries there",
            "put the stack elsewhere with STORYLINE_HOME",
        )


def _memory(stack: Stack) -> Iterator[Finding]:
    need = sum(service.memory.at_rest for service in stack.services)
    free = psutil.virtual_memory().available // _MEBIBYTE
    enough = free > need or any(row.pid for row in stack.status())
    yield Finding(
        "memory",
        "ok" if enough else "problem",
        f"{free} MiB available, the servers need about {need} MiB at rest",
        "" if enough else "close some programs, or start fewer servers with `up --only`",
    )


def _files(stack: Stack) -> Iterator[Finding]:
    for service in stack.services:
        if service.jars:
            product = f"{service.product} {service.version}"
            yield _fetched(stack, service.name, product, service.jars)
        else:
            yield _installed(stack, service)
    for library in stack.libraries:
        yield _fetched(stack, library, "for Spark", (library,))


def _fetched(stack: Stack, name: str, what: str, sections: tuple[str, ...]) -> Finding:
    """Return the finding about downloaded files."""
    cache = stack.config.cache
    jars = [jar for section in sections for jar in jars_of(section)]
    missing = download.missing(jars, cache)
    size = sum(jar.size for jar in missing) // _MEGABYTE
    archives = [jar for jar in jars if jar.extension != "jar"]
    packed = [jar for jar in archives if not archive.intact(archive.folder_of(jar, cache))]
    about = f"{what}, {len(jars)} files in {cache}"
    if missing:
        text = f"{about}: {len(missing)} missing or broken ({size} MB)"
        return Finding(name, "note", text, "`storyline up` fetches them")
    if packed:
        return Finding(name, "note", f"{about}, not unpacked", "`storyline up` does it")
    return Finding(name, "ok", f"{about}, checked")


def _installed(stack: Stack, service: Service) -> Finding:
    """Return the finding about a server that is installed with the Python packages."""
    site = ServerPaths(config=stack.config, folder=stack.config.folder(service.name), java=Path())
    try:
        launch = service.launch(site)
    except UserError as error:
        return Finding(service.name, "problem", error.message, error.hint or "")
    other = f", runs as {pwd.getpwuid(launch.user.uid).pw_name}" if launch.user else ""
    text = f"{service.product} {service.version}, installed{other}"
    return Finding(service.name, "ok", text)


def _ports(stack: Stack) -> Iterator[Finding]:
    running = {row.name for row in stack.status() if row.pid}
    try:
        checks.distinct_ports(stack.config, stack.services)
    except UserError as error:
        yield Finding("ports", "problem", error.message, error.hint or "")
    for service in stack.services:
        ports = ", ".join(str(stack.config.ports[name]) for name in service.ports)
        if service.name in running:
            yield Finding("ports", "ok", f"{service.name} runs on {ports}")
            continue
        try:
            checks.free_ports(stack.config, (service,))
            yield Finding("ports", "ok", f"{ports} free for {service.name}")
        except UserError as error:
            yield Finding("ports", "problem", error.message, error.hint or "")
