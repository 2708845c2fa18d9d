"""Flags that every Java server shares."""

from collections.abc import Iterable
from pathlib import Path

from streams.stack.service import Memory, ServerPaths

LOG_MEGABYTES = 10
LOG_FILES = 3

CODE_CACHE = "-XX:ReservedCodeCacheSize=240m"
"""The first compiler alone brings 48 MiB; once they are full, nothing more is compiled."""


def flags(site: ServerPaths, memory: Memory) -> tuple[str, ...]:
    """Small heaps, one compiler, no shared files: a laptop's JVM, not a data centre's.

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
    """Exactly the locked files, so that nothing left behind in a folder is picked up."""
    return ":".join(map(str, jars))
