"""Unpacking of locked archives, once each, with detection of files changed afterwards."""

import json
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from streams.stack.artifacts.jars import Jar, sha256_of

_MANIFEST = "manifest.json"
# Before 3.11.4 there are no filters, and Debian 12 has 3.11.2. The bytes are the locked ones.
_SAFELY: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def folder_of(jar: Jar, cache: Path) -> Path:
    """Return the folder that holds the archive's files once it is unpacked."""
    return cache / "unpacked" / f"{jar.artifact}-{jar.version}-{jar.sha256[:12]}"


def unpack(jar: Jar, cache: Path) -> None:
    """Unpack an archive of the cache, unless its files are there and unchanged.

    The folder appears whole or not at all.
    """
    folder = folder_of(jar, cache)
    if intact(folder):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder.parent))
    try:
        with tarfile.open(jar.path(cache)) as archive:
            archive.extractall(fresh, **_SAFELY)  # noqa: S202 - see there
        names = [path for path in fresh.rglob("*") if path.is_file()]
        manifest = {str(path.relative_to(fresh)): sha256_of(path) for path in names}
        (fresh / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        fresh.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def intact(folder: Path) -> bool:
    """Return whether every file is as it was when it was unpacked."""
    try:
        manifest: dict[str, str] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return all(sha256_of(folder / name) == digest for name, digest in manifest.items())
    except (OSError, ValueError):
        return False
