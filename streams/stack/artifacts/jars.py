"""Lock of the files that the servers run on: coordinates, sha256 and size of each."""

import functools
import hashlib
import platform
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

_CHUNK = 1 << 20
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Jar:
    """File of a Maven repository, named by its coordinate."""

    group: str
    artifact: str
    version: str
    classifier: str
    extension: str
    sha256: str
    size: int
    """Size in bytes."""

    @property
    def filename(self) -> str:
        tail = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{tail}.{self.extension}"

    @property
    def location(self) -> str:
        """Path of the file in a Maven repository, relative to its root."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.filename}"

    def path(self, cache: Path) -> Path:
        """Return the path of the file in the cache."""
        return cache / "jars" / self.location

    def intact(self, path: Path) -> bool:
        """Return whether `path` holds exactly the locked bytes."""
        try:
            return path.stat().st_size == self.size and sha256_of(path) == self.sha256
        except FileNotFoundError:
            return False


def sha256_of(path: Path) -> str:
    """Return the hexadecimal sha256 of a file, which is read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def parse_lock(text: str) -> dict[str, tuple[Jar, ...]]:
    """Return the files of each section of a lock file.

    Raises:
        ValueError: a line is malformed; the message has its number.
    """
    sections: dict[str, list[Jar]] = {}
    section: list[Jar] | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        if line.startswith("[") and line.endswith("]"):
            section = sections.setdefault(line[1:-1], [])
        elif section is None:
            raise ValueError(f"line {number}: a coordinate before the first section")
        else:
            section.append(_parse_line(line, number))
    return {name: tuple(jars) for name, jars in sections.items()}


def _parse_line(line: str, number: int) -> Jar:
    try:
        coordinate, sha256, size = line.split()
        group, artifact, version, *rest = coordinate.split(":")
        classifier, extension = (*rest, *("", "jar")[len(rest) :])
        return Jar(group, artifact, version, classifier, extension, sha256, int(size))
    except ValueError:
        raise ValueError(
            f"line {number}: expected group:artifact:version[:classifier[:extension]] sha256 bytes"
        ) from None


@functools.cache
def lock() -> dict[str, tuple[Jar, ...]]:
    """Return the sections of the project's own lock file."""
    return parse_lock(files("streams.stack").joinpath("jars.lock").read_text(encoding="utf-8"))


def jars_of(section: str) -> tuple[Jar, ...]:
    """Return the files of a section, with this machine's native libraries if it has any."""
    machine = platform.machine().lower()
    natives = f"{section}-{sys.platform}-{_ARCHITECTURES.get(machine, machine)}"
    return lock()[section] + lock().get(natives, ())
