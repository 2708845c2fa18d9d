"""The lock of the files that servers run on: coordinates, sha256 and size of each."""

import functools
import hashlib
import platform
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Jar:
    """One file of a Maven repository, by its coordinate."""

    group: str
    artifact: str
    version: str
    classifier: str
    extension: str
    sha256: str
    size: int
    """Bytes."""

    @property
    def filename(self) -> str:
        tail = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{tail}.{self.extension}"

    @property
    def location(self) -> str:
        """Where a Maven repository keeps the file, relative to its root."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.filename}"

    def path(self, cache: Path) -> Path:
        """Where the cache keeps the file."""
        return cache / "jars" / self.location

    def intact(self, path: Path) -> bool:
        """Whether `path` holds exactly the locked bytes."""
        try:
            return path.stat().st_size == self.size and sha256_of(path) == self.sha256
        except FileNotFoundError:
            return False


def sha256_of(path: Path) -> str:
    """The hexadecimal sha256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def parse_lock(text: str) -> dict[str, tuple[Jar, ...]]:
    """Sections of a lock file. Raises ValueError with the line number of a malformed line."""
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
    """The project's own lock file."""
    return parse_lock(files("streams.stack").joinpath("jars.lock").read_text(encoding="utf-8"))


def jars_of(section: str) -> tuple[Jar, ...]:
    """The files of a section, with the natives of this machine where it has any."""
    natives = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
    machine = natives.get(platform.machine().lower(), "")
    return lock()[section] + lock().get(f"{section}-{machine}", ())
