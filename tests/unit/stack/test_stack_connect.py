"""Kafka Connect: its settings, and the plugins that it is given."""

import zipfile
from pathlib import Path

import pytest

from streams.app.settings import Ports
from streams.stack.artifacts.archive import folder_of
from streams.stack.artifacts.jars import jars_of
from streams.stack.config import StackConfig
from streams.stack.servers import plugins
from streams.stack.servers.connect import CONNECT
from streams.stack.supervision import launch_files


@pytest.fixture
def config(tmp_path: Path) -> StackConfig:
    return StackConfig(home=tmp_path / "home", cache=tmp_path / "cache", ports=Ports().model_dump())


def properties(config: StackConfig) -> dict[str, str]:
    files = launch_files.server_files(CONNECT, config, Path("/opt/java"))
    text = files[config.folder("connect") / "connect.properties"]
    return dict(line.split("=", 1) for line in text.splitlines())


def test_sources_write_exactly_once_and_commit_often(config: StackConfig) -> None:
    given = properties(config)
    assert given["exactly.once.source.support"] == "enabled"
    assert given["offset.flush.interval.ms"] == "1000"


def test_one_worker_is_enough_and_takes_its_work_at_once(config: StackConfig) -> None:
    given = properties(config)
    factors = [key for key in given if key.endswith("replication.factor")]
    assert len(factors) == 3
    assert {given[key] for key in factors} == {"1"}
    assert given["scheduled.rebalance.max.delay.ms"] == "0"


def test_plugins_are_found_by_manifests_in_the_folder_laid_out(config: StackConfig) -> None:
    given = properties(config)
    assert given["plugin.discovery"] == "service_load"
    assert given["plugin.path"] == str(config.folder("connect") / "plugins")


def test_the_converter_gets_the_manifest_that_it_lacks(tmp_path: Path) -> None:
    plugins.lay_out(tmp_path / "cache", tmp_path / "plugins")
    converter = tmp_path / "plugins" / "apicurio-converter"
    with zipfile.ZipFile(converter / "services-manifest.jar") as manifest:
        (name,) = manifest.namelist()
        assert name == "META-INF/services/org.apache.kafka.connect.storage.Converter"
        assert manifest.read(name) == b"io.apicurio.registry.utils.converter.AvroConverter\n"
    linked = {path.resolve() for path in converter.iterdir() if path.is_symlink()}
    assert linked == {jar.path(tmp_path / "cache") for jar in jars_of("converter")}


def test_debezium_is_where_its_archive_was_unpacked(tmp_path: Path) -> None:
    plugins.lay_out(tmp_path / "cache", tmp_path / "plugins")
    (archive,) = jars_of("debezium")
    debezium = tmp_path / "plugins" / "debezium-connector-postgres"
    assert debezium.resolve().parent == folder_of(archive, tmp_path / "cache")


def test_what_an_older_version_left_is_not_loaded(tmp_path: Path) -> None:
    old = tmp_path / "plugins" / "apicurio-converter" / "old.jar"
    old.parent.mkdir(parents=True)
    old.touch()
    plugins.lay_out(tmp_path / "cache", tmp_path / "plugins")
    assert not old.exists()
