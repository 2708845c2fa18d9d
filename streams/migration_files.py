"""Numbered migrations, `NNNN_name.<suffix>`, as files next to the code that applies them.

An applied migration is never edited: the next change is the next number.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Final

from streams.errors import UserError

_NAME: Final = re.compile(r"(?P<version>\d{4})_(?P<name>[a-z0-9_]+)\.(?P<suffix>[a-z]+)")


@dataclass(frozen=True)
class Migration:
    """One migration file: its number, its name and its text."""

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
        """Statements of the text, each of which ends in a semicolon at the end of a line.

        Raises ValueError if the last one does not.
        """
        return tuple(_statements(self.text))


@dataclass(frozen=True, slots=True)
class Migrated:
    """Result of a run: titles of the migrations applied now, and of those applied before."""

    applied: tuple[str, ...]
    already: tuple[str, ...]


def shipped(package: str, suffix: str) -> tuple[Migration, ...]:
    """Return a package's migrations whose files end in `.suffix`, in the order of their numbers."""
    return in_order(
        (entry.name, entry.read_text(encoding="utf-8"))
        for entry in files(package).iterdir()
        if entry.name.endswith(f".{suffix}")
    )


def in_order(sources: Iterable[tuple[str, str]]) -> tuple[Migration, ...]:
    """Return the migrations of (file name, text) pairs, in the order of their numbers.

    Raises ValueError unless they are named NNNN_name and numbered 1, 2, 3 …
    """
    migrations = []
    for file_name, text in sorted(sources):
        matched = _NAME.fullmatch(file_name)
        if matched is None:
            raise ValueError(f"{file_name} is not named NNNN_name")
        migrations.append(Migration(int(matched["version"]), matched["name"], text))
    if [migration.version for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise ValueError("migrations must be numbered 1, 2, 3 … without a gap")
    return tuple(migrations)


def verify(where: str, journal: Mapping[int, str], migrations: Sequence[Migration]) -> None:
    """Compare the migrations that were applied with those of this release.

    Args:
        where: Name of the store, for the error message.
        journal: Number -> checksum of each applied migration.
        migrations: Migrations of this release.

    Raises:
        UserError: An applied migration was edited since, or is unknown to this release.
    """
    known = {migration.version: migration for migration in migrations}
    for version in sorted(journal):
        migration = known.get(version)
        if migration is None:
            raise UserError(
                f"the {where} has migration {version:04}, which this release does not know",
                hint="run the release that applied it, or a newer one",
            )
        if migration.checksum != journal[version]:
            raise UserError(
                f"migration {migration.title} was edited after it was applied",
                hint="restore its text and put the change into a new migration",
            )


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
