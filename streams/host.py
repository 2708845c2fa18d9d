"""Differences between Linux and macOS that no library hides.

Modules with a concern of their own: `streams.stack.servers.java` chooses the Java,
`streams.stack.artifacts.jars` the native libraries, and `exec_under_lock`, which can import nothing
of this package, the limit of open files.
"""

import os
import resource
import sys
from pathlib import Path
from typing import Final

import psutil

UTF8_LOCALE: Final = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
"""Locale whose encoding is UTF-8: macOS has no C.UTF-8, and PostgreSQL ends without a locale."""

WORKING_DIRECTORY: Final = "." if sys.platform == "darwin" else "/proc/self/cwd"
"""Name of a program's working directory. On Linux it needs no right in the directories above."""


def allows_programs(folder: Path) -> bool:
    """Return whether programs and libraries in `folder` can be loaded (no noexec mount)."""
    if sys.platform == "darwin":
        return True  # Python does not know its flag, and hardly any disk has it.
    return not os.statvfs(folder).f_flag & os.ST_NOEXEC


def conflicting_addresses(address: str) -> tuple[str, ...]:
    """Return the addresses to bind in order to learn whether a server could listen on `address`.

    The kernel of macOS lets a program bind one address of a port on which another program listens
    for all addresses.
    """
    return (address, "") if sys.platform == "darwin" else (address,)


def proportional_bytes(process: psutil.Process) -> int:
    """Return the memory of a process, with its share of the memory that others use, too.

    On macOS, which does not count shares, return the memory that no other process uses.
    """
    memory = process.memory_full_info()
    if sys.platform == "darwin":
        return int(memory.uss)
    return int(memory.pss)


def peak_mebibytes() -> int:
    """Return the largest resident size that this process has had, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)
