"""What the local stack needs to know, handed in by the composition root."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class StackConfig:
    """Where one stack lives. Several stacks differ in `home` and in every port."""

    home: Path
    """Everything the stack writes. Absolute."""
    cache: Path
    """Downloaded files, shared by all stacks. Absolute."""
    ports: Mapping[str, int]
    """By the name that the list of services uses."""
    java: Path | None = None
    """A Java 17 to use instead of the bundled one."""
    derived: tuple[Path, ...] = ()
    """What workers make of the servers' data, and what is wrong without it: `reset` deletes it
    where it lies under `home`."""
    lake: Path | None = None
    """The folder that the lake worker fills, wherever it is."""
    worker_env: Mapping[str, str] = field(default_factory=dict)
    """The settings that workers started by the stack must see."""

    def folder(self, name: str) -> Path:
        """The directory of a server or worker."""
        return self.home / name
