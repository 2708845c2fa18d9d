"""Numbered CQL migrations, `NNNN_name.cql`.

Each is a list of statements that end in a semicolon at the end of a line; `--` begins a comment
line. Every statement must be one that can be repeated (IF NOT EXISTS), because a migration that
was interrupted is run again from its first statement. An applied migration is never edited: the
next change is the next number.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

_NAME = re.compile(r"(?P<version>\d{4})_(?P<name>[a-z0-9_]+)\.cql")


@dataclass(frozen=True)
class Migration:
    """One file: its number, its name and its text."""

    version: int
    name: str
    text: str

    @property
    def title(self) -> str:
        return f"{self.version:04}_{self.name}"

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def statements(self) -> tuple[str, ...]:
        return tuple(_statements(self.text))


def _statements(text: str) -> Iterator[str]:
    lines: list[str] = []
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("--"):
            lines.append(line.rstrip())
            if line.rstrip().endswith(";"):
                yield "\n".join(lines).removesuffix(";")
                lines = []
    if lines:
        raise ValueError(f"a statement does not end in ';': {lines[0].strip()} …")


def shipped() -> tuple[Migration, ...]:
    """The migrations of this release, in order."""
    return in_order(
        (entry.name, entry.read_text(encoding="utf-8"))
        for entry in files(__name__).iterdir()
        if entry.name.endswith(".cql")
    )


def in_order(sources: Iterable[tuple[str, str]]) -> tuple[Migration, ...]:
    """Migrations of (file name, text); ValueError unless they are numbered 1, 2, 3 …"""
    migrations = []
    for file_name, text in sorted(sources):
        matched = _NAME.fullmatch(file_name)
        if matched is None:
            raise ValueError(f"{file_name} is not named NNNN_name.cql")
        migrations.append(Migration(int(matched["version"]), matched["name"], text))
    if [migration.version for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise ValueError("migrations must be numbered 1, 2, 3 … without a gap")
    return tuple(migrations)
