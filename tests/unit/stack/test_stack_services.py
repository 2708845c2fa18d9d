"""The declared list, and what is written down for a start."""

import json
import os
from pathlib import Path

import pytest
import yaml

from streams.app.settings import Ports, Settings
from streams.app.stack import environment, local_stack
from streams.errors import UserError
from streams.stack.artifacts import download
from streams.stack.artifacts.jars import Jar, jars_of
from streams.stack.config import StackConfig
from streams.stack.servers import render
from streams.stack.servers.kafka import KAFKA, cluster_id
from streams.stack.services import SERVICES, WORKERS, chosen
from streams.stack.stack import Stack
from streams.stack.supervision import launch_files
from tests.support.toy_programs import toy

JAVA = Path("/opt/java")


@pytest.fixture
def config(tmp_path: Path) -> StackConfig:
    return StackConfig(home=tmp_path / "home", cache=tmp_path / "cache", ports=Ports().model_dump())


def files(config: StackConfig, name: str) -> dict[str, str]:
    """File name -> text of everything that the start of a server reads."""
    (service,) = [service for service in SERVICES if service.name == name]
    written = launch_files.server_files(service, config, JAVA)
    return {path.name: text for path, text in written.items()}


def test_every_port_is_a_setting_and_every_port_setting_is_used() -> None:
    used = [name for service in SERVICES for name in service.ports]
    assert sorted(used) == sorted(Ports.model_fields)


def test_memory_at_rest_stays_under_a_gibibyte_and_a_half() -> None:
    assert sum(service.memory.at_rest for service in SERVICES) < 1536


def test_the_default_is_every_server() -> None:
    assert chosen(()) == SERVICES


def test_what_is_chosen_brings_what_it_needs() -> None:
    first, second, third = (
        toy("first", "kafka"),
        toy("second", "redis", depends_on=["first"]),
        toy("third", "registry", depends_on=["second"]),
    )
    other = toy("other", "cassandra")
    services = (third, other, second, first)
    assert chosen(["third"], services) == (third, second, first)
    assert chosen(["first"], services) == (first,)


def test_what_a_server_works_with_comes_along() -> None:
    first, second = toy("first", "kafka"), toy("second", "redis", uses=["first"])
    assert chosen(["second"], (second, first)) == (second, first)


def test_an_unknown_server_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="no server called kafak") as error:
        chosen(["kafak"])
    assert error.value.hint == "servers are: kafka, registry, cassandra, redis, postgres, connect"


@pytest.mark.parametrize("name", [service.name for service in SERVICES])
def test_servers_see_a_built_environment(
    name: str, config: StackConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaks = ("JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH", "JAVA_HOME")
    more = ("QUARKUS_HTTP_LIMITS", "REGISTRY_AUTH", "KAFKA_OPTS", "PGDATA", "LD_PRELOAD")
    for leak in (*leaks, *more):
        monkeypatch.setenv(leak, "-Dleak=1")
    env = json.loads(files(config, name)["launch.json"])["env"]
    assert "-Dleak=1" not in env.values()
    assert env["TZ"] == "UTC"
    assert env["HOME"] == str(config.folder(name))
    assert env["PATH"] == os.defpath


@pytest.mark.parametrize("name", [service.name for service in SERVICES])
def test_servers_listen_on_loopback(name: str, config: StackConfig) -> None:
    text = "\n".join(files(config, name).values())
    assert "0.0.0.0" not in text  # noqa: S104
    assert "127.0.0.1" in text


def test_kafka_makes_no_topic_by_itself_and_its_groups_start_at_once(config: StackConfig) -> None:
    properties = files(config, "kafka")["server.properties"].splitlines()
    assert "auto.create.topics.enable=false" in properties
    assert "group.initial.rebalance.delay.ms=0" in properties
    assert f"log.dirs={config.home}/kafka/data" in properties


def test_kafka_formats_an_empty_directory_first(config: StackConfig) -> None:
    first = json.loads(files(config, "kafka")["launch.json"])["first"]
    assert first["done"] == f"{config.home}/kafka/data/meta.properties"
    assert cluster_id(config.home) in first["command"]


def test_cluster_ids_differ_and_stay() -> None:
    ids = {cluster_id(Path(f"/home/{number}")) for number in range(500)}
    assert len(ids) == 500
    assert all(len(name) == 22 and "-" not in name for name in ids)
    assert cluster_id(Path("/home/1")) == cluster_id(Path("/home/1"))


def test_cassandra_acknowledges_only_what_survives_a_kill(config: StackConfig) -> None:
    loaded = yaml.safe_load(files(config, "cassandra")["cassandra.yaml"])
    assert loaded["commitlog_sync"] == "group"
    assert loaded["commitlog_sync_group_window"] == "2ms"
    assert loaded["seed_provider"][0]["parameters"] == [{"seeds": "127.0.0.1:17000"}]


def test_redis_forgets_evicts_and_compares_bytes(config: StackConfig) -> None:
    launch = json.loads(files(config, "redis")["launch.json"])
    command = launch["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--save"] == ""
    assert options["--appendonly"] == "no"
    assert options["--maxmemory"] == "512mb"
    assert options["--maxmemory-policy"] == "volatile-lfu"
    assert launch["env"]["LC_ALL"] == "C"


@pytest.mark.parametrize("name", ["kafka", "cassandra", "registry", "connect"])
def test_native_libraries_are_unpacked_where_each_start_cleans_up(
    name: str, config: StackConfig
) -> None:
    launch = json.loads(files(config, name)["launch.json"])
    (folder,) = launch["empty"]
    assert Path(folder).parent == config.folder(name)
    assert f"-Djava.io.tmpdir={folder}" in launch["command"]


def test_configuration_survives_odd_characters_in_paths(tmp_path: Path) -> None:
    home = tmp_path / 'a "b" & <c>'
    config = StackConfig(home=home, cache=tmp_path, ports=Ports().model_dump())
    log4j = files(config, "kafka")["log4j2.xml"]
    assert "a &quot;b&quot; &amp; &lt;c&gt;" in log4j


def test_properties_are_read_as_latin_1_and_mean_every_letter() -> None:
    text = render.render_properties({"path": r"/home/Łukasz/\data/😀"})
    assert text == r"path=/home/\u0141ukasz/\\data/\ud83d\ude00" + "\n"


def test_up_brings_what_spark_needs_and_what_it_has_is_had_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Jar] = []

    def fetch(jars: list[Jar], *_more: object) -> int:
        asked.extend(jars)
        return len(jars)

    monkeypatch.setattr(download, "fetch", fetch)
    stack = local_stack(Settings(home=tmp_path, cache=tmp_path))
    assert Stack(stack.config, services=(KAFKA,), libraries=stack.libraries).fetch() == len(asked)
    assert asked == [*jars_of("kafka"), *jars_of("delta")]
    asked.clear()
    assert stack.fetch(["kafka"]) == len(asked)
    assert asked == list(jars_of("kafka")), "one server needs no Spark"
    asked.clear()
    stack.fetch_jars("delta", "delta")
    assert asked == list(jars_of("delta"))


def test_changed_settings_are_noticed(config: StackConfig) -> None:
    (redis,) = chosen(["redis"])
    launch_files.write_files(launch_files.server_files(redis, config, JAVA))
    assert not launch_files.changed(launch_files.server_files(redis, config, JAVA))
    moved = StackConfig(home=config.home, cache=config.cache, ports={**config.ports, "redis": 1234})
    assert launch_files.changed(launch_files.server_files(redis, moved, JAVA))


def test_workers_see_the_settings_of_the_stack(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, ports=Ports(kafka=29999), shards=4)
    config = local_stack(settings).config
    (text,) = launch_files.worker_files(WORKERS[0], config).values()
    launch = json.loads(text)
    assert launch["env"]["STORYLINE_PORTS__KAFKA"] == "29999"
    assert launch["env"]["STORYLINE_SHARDS"] == "4"
    assert launch["command"][-4:] == ["run", "posts", "--instance", "up"]


def test_an_environment_gives_back_the_same_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, ports=Ports(redis=21111), timeline_length=7)
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


@pytest.mark.parametrize("name", ["STORYLINE_HOST", "STORYLINE_HOSTS__KAFKA"])
def test_a_stack_elsewhere_is_not_ours_to_start(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "kafka.example")
    with pytest.raises(UserError, match=f"{name} is kafka.example"):
        local_stack(Settings())
