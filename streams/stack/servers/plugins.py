"""Plugins of Kafka Connect: Debezium, and the converter that writes Avro through the registry."""

import shutil
import sys
import zipfile
from pathlib import Path

from streams.stack.artifacts.archive import folder_of, unpack
from streams.stack.artifacts.jars import jars_of
from streams.stack.report import Silent

SECTIONS = ("debezium", "converter")
"""Sections of the lock that hold the plugins."""
_CONVERTER = "apicurio-converter"
_MANIFEST = "services-manifest.jar"
_SERVICE = "META-INF/services/org.apache.kafka.connect.storage.Converter"
_CLASS = "io.apicurio.registry.utils.converter.AvroConverter"


def lay_out(cache: Path, folder: Path) -> None:
    """Rebuild `folder`, Connect's plugin path, from the files of the cache.

    Connect finds plugins by the manifests inside their jars (scanning all classes takes it most of
    a minute). Debezium ships a manifest; the converter does not, so this function writes one.
    """
    shutil.rmtree(folder, ignore_errors=True)
    converter = folder / _CONVERTER
    converter.mkdir(parents=True)
    for jar in jars_of("converter"):
        (converter / jar.filename).symlink_to(jar.path(cache))
    with zipfile.ZipFile(converter / _MANIFEST, "w") as manifest:
        manifest.writestr(_SERVICE, f"{_CLASS}\n")
    (archive,) = jars_of("debezium")
    (folder / archive.artifact).symlink_to(folder_of(archive, cache) / archive.artifact)


def main() -> None:
    """Fetch the plugins into a cache and lay them out in a folder, for a container image."""
    from streams.stack.artifacts.download import fetch

    cache, folder = (Path(argument).absolute() for argument in sys.argv[1:])
    (archive,) = jars_of("debezium")
    fetch((archive, *jars_of("converter")), cache, Silent())
    unpack(archive, cache)
    lay_out(cache, folder)


if __name__ == "__main__":
    main()
