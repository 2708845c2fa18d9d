"""Flags that all Java servers share."""

from collections.abc import Iterable
from pathlib import Path

from streams.stack.service import Memory, ServerPaths

LOG_MEGABYTES = 10
LOG_FILES = 3

CODE_CACHE = "-XX:ReservedCodeCacheSize=240m"
"""With the first compiler alone the default is 48 MiB; once they are full, nothing more is
compiled."""


def flags(site: ServerPaths, memory: Memory) -> tuple[str, ...]:
    """Return the `java` program and flags for a laptop: small heaps, one compiler, no shared files.

    The first compiler alone halves the CPU that a start costs; throughput under long load is lower.
    """
    return (
        str(site.java),
        f"-Xms{memory.heap_start}m",
        f"-Xmx{memory.heap_max}m",
        "-Xss512k",
        *((f"-XX:MaxDirectMemorySize={memory.direct_max}m",) if memory.direct_max else ()),
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        CODE_CACHE,
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:+PerfDisableSharedMem",
        f"-XX:ErrorFile={site.logs}/hs_err_%p.log",
        "-Djava.awt.headless=true",
        "-Djava.net.preferIPv4Stack=true",
        f"-Djava.io.tmpdir={site.tmp}",
    )


def class_path(jars: Iterable[Path]) -> str:
    """Return a class path of exactly these files, so that no file left in a folder is picked up."""
    return ":".join(map(str, jars))
