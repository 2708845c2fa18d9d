"""Configuration of the local stack, built by the composition root."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class StackConfig:
    """Paths and ports of one stack. Several stacks differ in `home` and in every port."""

    home: Path
    """Directory of everything that the stack writes. Absolute."""
    cache: Path
    """Directory of downloaded files, shared by all stacks. Absolute."""
    ports: Mapping[str, int]
    """Port numbers by the names that services list."""
    java: Path | None = None
    """Java 17 to use instead of the bundled one."""
    derived: tuple[Path, ...] = ()
    """Data that workers derive from the servers' data, invalid without it: `reset` deletes what is
    stored under `home`."""
    lake: Path | None = None
    """Folder that the lake worker fills, wherever it is."""
    worker_env: Mapping[str, str] = field(default_factory=dict)
    """Settings that workers started by the stack must see."""

    def folder(self, name: str) -> Path:
        """Return the directory of a server or worker."""
        return self.home / name
