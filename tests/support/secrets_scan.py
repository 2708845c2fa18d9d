"""Looking for what must be nowhere outside PostgreSQL: in topics, schemas, tables and logs."""

import io
import re
from collections.abc import Collection, Iterator
from pathlib import Path

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka.schema_registry import SchemaRegistryClient

from streams.app.settings import Settings
from tests.support.captured import raw_records, topics

_OVERLAP = 4096
_CHUNK = 1 << 20


def find_secrets(settings: Settings, secrets: Collection[str]) -> list[str]:
    """Where any of the texts is found (case and all), one line per place; empty: nowhere.

    Looks into the bytes of every record of every topic (aborted ones and Connect's own included),
    every version of every schema, every file of the lake (Parquet is unpacked), and every file
    under the stack's home but those of the servers' data. `secrets` may be whole values, or parts
    that all of them have in common.
    """
    pattern = re.compile(b"|".join(re.escape(secret.encode()) for secret in sorted(secrets)))
    return [
        *in_topics(settings, pattern),
        *in_schemas(settings, pattern),
        *in_lake(settings, pattern),
        *in_files(settings, pattern),
    ]


def in_topics(settings: Settings, pattern: re.Pattern[bytes]) -> Iterator[str]:
    for raw in raw_records(settings, *topics(settings), isolation="read_uncommitted"):
        headers = [part for name, value in raw.headers for part in (name.encode(), value)]
        for part in (raw.key, raw.value, *headers):
            if part and (found := pattern.search(part)):
                place = f"{raw.topic} partition {raw.partition} offset {raw.offset}"
                yield f"topic {place}: {found[0]!r}"


def in_schemas(settings: Settings, pattern: re.Pattern[bytes]) -> Iterator[str]:
    """The Confluent API shows every artifact of the default group as a subject."""
    registry = SchemaRegistryClient({"url": settings.registry_url})
    for subject in registry.get_subjects():
        for version in registry.get_versions(subject):
            answer = httpx2.get(
                f"{settings.registry_url}/subjects/{subject}/versions/{version}", timeout=30
            )
            if found := pattern.search(answer.content):
                yield f"schema {subject} version {version}: {found[0]!r}"


def in_lake(settings: Settings, pattern: re.Pattern[bytes]) -> Iterator[str]:
    for path in _files(settings.lake_path):
        whole = _unpacked(path) if path.suffix == ".parquet" else path.read_bytes()
        if found := pattern.search(whole):
            yield f"lake {path}: {found[0]!r}"


def in_files(settings: Settings, pattern: re.Pattern[bytes]) -> Iterator[str]:
    """Logs and whatever else lies about, but no server's data."""
    home = settings.home.expanduser().absolute()
    for path in _files(home):
        inside = path.relative_to(home)
        if inside.parts[1:2] == ("data",) or path.is_relative_to(settings.lake_path):
            continue
        if found := _search(path, pattern):
            yield f"file {inside}: {found!r}"


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _unpacked(path: Path) -> bytes:
    """A Parquet file's columns, names included, without compression or encoding."""
    table = pq.read_table(path)
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema) as stream:
        stream.write_table(table.unify_dictionaries())
    return buffer.getvalue()


def _search(path: Path, pattern: re.Pattern[bytes]) -> bytes | None:
    """In pieces that overlap, so that a log of any size can be searched."""
    with path.open("rb") as file:
        kept = b""
        while chunk := file.read(_CHUNK):
            if found := pattern.search(kept + chunk):
                return bytes(found[0])
            kept = chunk[-_OVERLAP:]
    return None
