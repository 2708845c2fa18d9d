"""Unpacks a locked archive once, and notices when the unpacked files were changed."""

import json
import shutil
import tarfile
import tempfile
from pathlib import Path

from streams.stack.jars import Jar, sha256_of

_MANIFEST = "manifest.json"


def unpacked(jar: Jar, cache: Path) -> Path:
    """The folder that holds the archive's files, unpacking it where that is needed.

    The archive itself must be in the cache already. The folder appears whole or not at all.
    """
    folder = cache / "unpacked" / f"{jar.artifact}-{jar.version}-{jar.sha256[:12]}"
    if _intact(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder.parent))
    try:
        with tarfile.open(jar.path(cache)) as archive:
            archive.extractall(fresh, filter="data")
        names = [path for path in fresh.rglob("*") if path.is_file()]
        manifest = {str(path.relative_to(fresh)): sha256_of(path) for path in names}
        (fresh / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        fresh.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _intact(folder: Path) -> bool:
    try:
        manifest: dict[str, str] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return all(sha256_of(folder / name) == digest for name, digest in manifest.items())
    except (OSError, ValueError):
        return False
