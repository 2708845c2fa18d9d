"""The lock of jars, and the cache's archives."""

import io
import platform
import re
import sys
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest
from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession

from streams.stack.artifacts import archive
from streams.stack.artifacts.jars import Jar, jars_of, lock, parse_lock

DIGEST = "0" * 64


def test_a_line_names_classifier_and_extension_where_it_has_them() -> None:
    text = f"[a]\ng.h:x:1 {DIGEST} 5\ng:y:2:linux {DIGEST} 6\ng:z:3:all:tar.gz {DIGEST} 7\n"
    x, y, z = parse_lock(text)["a"]
    assert x.location == "g/h/x/1/x-1.jar"
    assert y.filename == "y-2-linux.jar"
    assert z.filename == "z-3-all.tar.gz"
    assert [jar.size for jar in (x, y, z)] == [5, 6, 7]


@pytest.mark.parametrize(
    "line", ["g:x 00 5", f"g:x:1 {DIGEST}", f"g:x:1 {DIGEST} five", "g:x:1:a:b:c 00 5"]
)
def test_a_malformed_line_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="line 2: expected"):
        parse_lock(f"[a]\n{line}\n")


def test_a_coordinate_needs_a_section() -> None:
    with pytest.raises(ValueError, match="line 1: a coordinate before"):
        parse_lock(f"g:x:1 {DIGEST} 5\n")


def test_the_lock_is_whole() -> None:
    for section, jars in lock().items():
        assert jars, section
        for jar in jars:
            assert re.fullmatch(r"[0-9a-f]{64}", jar.sha256)
            assert jar.size > 0
        names = [(jar.group, jar.artifact, jar.classifier) for jar in jars]
        assert len(set(names)) == len(names), f"{section} has an artifact twice"


def test_no_address_of_a_repository_is_written_down() -> None:
    folder = Path(archive.__file__).parents[1]
    for path in (*folder.rglob("*.py"), folder / "jars.lock"):
        found = re.findall(r"https?://[\w.]+", path.read_text("utf-8"))
        assert set(found) <= {"http://localhost"}, path


@pytest.mark.parametrize(
    ("system", "machine", "natives"),
    [
        ("linux", "x86_64", {"linux-x86_64"}),
        ("linux", "aarch64", {"linux-aarch_64"}),
        ("darwin", "arm64", {"osx-aarch_64"}),
        ("darwin", "x86_64", set()),
    ],
)
def test_natives_follow_system_and_machine(
    system: str, machine: str, natives: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    added = set(jars_of("cassandra")) - set(lock()["cassandra"])
    assert {jar.classifier for jar in added} == natives


def test_locked_jars_of_delta_are_of_the_release_of_its_python_package() -> None:
    """Then both sides of Py4J match, and Spark finds the same jars where it fetches them itself."""
    jars = jars_of("delta")
    [spark] = (jar for jar in jars if "spark" in jar.artifact)
    named = f"{spark.group}:{spark.artifact}:{spark.version}"
    builder = configure_spark_with_delta_pip(SparkSession.builder)
    assert builder._options["spark.jars.packages"] == named
    assert {jar.version for jar in jars} == {spark.version}
    for path in ("deploy/spark/submit.sh", "deploy/spark/README.md"):
        text = (Path(__file__).parents[3] / path).read_text(encoding="utf-8")
        assert set(re.findall(r"io\.delta:[\w.:-]+", text)) == {named}, path


def packed(cache: Path) -> Jar:
    """An archive of one file in the cache."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        member = tarfile.TarInfo("lib/a.jar")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    data = content.getvalue()
    jar = Jar("g", "x", "1", "all", "tar.gz", sha256(data).hexdigest(), len(data))
    path = jar.path(cache)
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return jar


def test_an_archive_is_unpacked_once(tmp_path: Path) -> None:
    jar = packed(tmp_path)
    archive.unpack(jar, tmp_path)
    unpacked = archive.folder_of(jar, tmp_path) / "lib" / "a.jar"
    before = unpacked.stat().st_ino
    archive.unpack(jar, tmp_path)
    assert unpacked.read_bytes() == b"abc"
    assert unpacked.stat().st_ino == before


@pytest.mark.parametrize("damage", ["change", "delete", "manifest"])
def test_damaged_files_are_unpacked_anew(tmp_path: Path, damage: str) -> None:
    jar = packed(tmp_path)
    archive.unpack(jar, tmp_path)
    folder = archive.folder_of(jar, tmp_path)
    match damage:
        case "change":
            (folder / "lib" / "a.jar").write_bytes(b"abd")
        case "delete":
            (folder / "lib" / "a.jar").unlink()
        case "manifest":
            (folder / "manifest.json").write_text("{")
    archive.unpack(jar, tmp_path)
    assert (folder / "lib" / "a.jar").read_bytes() == b"abc"
    assert archive.intact(folder)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
