"""docker-compose.yml runs the same servers as the local stack: same versions, settings, ports."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from streams.app.settings import Hosts, Ports
from streams.stack.servers.kafka import KAFKA
from streams.stack.service import Service
from streams.stack.services import SERVICES, WORKERS

ROOT = Path(__file__).parents[3]
SERVERS = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return loaded


def settings_of(service: Service, compose: dict[str, Any]) -> dict[str, str]:
    """The declared settings as the container is given them, in the server's own names."""
    container = compose["services"][service.name]
    environment: dict[str, str] = container.get("environment", {})
    match service.name:
        case "kafka":
            names = {f"KAFKA_{name.replace('.', '_').upper()}": name for name in service.settings}
            return {names[key]: value for key, value in environment.items() if key in names}
        case "registry":
            return {key: value for key, value in environment.items() if key in service.settings}
        case "cassandra":
            text = (ROOT / "deploy/compose/cassandra.yaml").read_text("utf-8")
            loaded = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 (makes only strings)
            return {key: value for key, value in loaded.items() if key in service.settings}
        case "redis":
            words = container["command"][1:]
            pairs = dict(zip(words[::2], words[1::2], strict=True))
            return {key.removeprefix("--"): value for key, value in pairs.items()}
        case "postgres":
            given = (word.removeprefix("--").split("=", 1) for word in container["command"][1:])
            return dict(given)
        case "connect":
            text = (ROOT / "deploy/compose/connect.properties").read_text("utf-8")
            lines = [line for line in text.splitlines() if not line.startswith("#")]
            found = dict(line.split("=", 1) for line in lines)
            return {key: value for key, value in found.items() if key in service.settings}
    raise AssertionError(f"say how {service.name} is configured in its container")


def test_it_follows_the_compose_schema(compose: dict[str, Any]) -> None:
    package = importlib.util.find_spec("check_jsonschema")
    assert package is not None
    assert package.submodule_search_locations is not None
    folder = Path(package.submodule_search_locations[0])
    schema = folder / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.validate(compose, json.loads(schema.read_text("utf-8")))


def test_it_has_the_declared_servers_and_workers_and_no_other(compose: dict[str, Any]) -> None:
    declared = {service.name for service in SERVICES} | {worker.name for worker in WORKERS}
    assert set(compose["services"]) == declared


@SERVERS
def test_the_image_is_of_the_declared_version(service: Service, compose: dict[str, Any]) -> None:
    image = compose["services"][service.name]["image"]
    assert image == service.image
    assert image.endswith(f":{service.version}")


@SERVERS
def test_the_settings_are_the_declared_ones(service: Service, compose: dict[str, Any]) -> None:
    assert settings_of(service, compose) == dict(service.settings)


@SERVERS
def test_the_heap_is_the_declared_one(service: Service, compose: dict[str, Any]) -> None:
    if not service.memory.heap_max:
        return
    given = " ".join(compose["services"][service.name]["environment"].values())
    assert f"{service.memory.heap_max}m" in given
    if service.memory.direct_max:
        assert f"-XX:MaxDirectMemorySize={service.memory.direct_max}m" in given


@SERVERS
def test_only_the_clients_port_is_published_and_on_loopback(
    service: Service, compose: dict[str, Any]
) -> None:
    (published,) = compose["services"][service.name]["ports"]
    name = service.ports[0]
    default = getattr(Ports(), name)
    assert published.startswith(f"127.0.0.1:${{STORYLINE_PORTS__{name.upper()}:-{default}}}:")


@SERVERS
def test_every_server_has_a_health_check_and_time_to_stop(
    service: Service, compose: dict[str, Any]
) -> None:
    container = compose["services"][service.name]
    assert container["healthcheck"]["test"]
    assert container["stop_grace_period"] == f"{service.stop_seconds}s"


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.name)
def test_workers_run_their_group_once_the_servers_are_healthy(
    worker: Any, compose: dict[str, Any]
) -> None:
    container = compose["services"][worker.name]
    # Without a name: a container may be one of several.
    assert container["command"] == list(worker.command[3:5])
    assert container["depends_on"] == {
        service.name: {"condition": "service_healthy"} for service in SERVICES
    }
    assert set(container["environment"]) == {
        f"STORYLINE_{kind}__{server.upper()}"
        for kind in ("HOSTS", "PORTS")
        for server in Hosts.model_fields
    }


@SERVERS
def test_a_server_starts_after_those_it_works_with(
    service: Service, compose: dict[str, Any]
) -> None:
    needed = (*service.depends_on, *service.uses)
    assert compose["services"][service.name].get("depends_on", {}) == {
        name: {"condition": "service_healthy"} for name in needed
    }


def test_postgres_keeps_its_data(compose: dict[str, Any]) -> None:
    assert compose["services"]["postgres"]["volumes"] == ["postgres:/var/lib/postgresql/data"]


def test_connect_is_kafkas_own_image_with_the_plugins_of_the_lock() -> None:
    dockerfile = (ROOT / "deploy/compose/Dockerfile.connect").read_text("utf-8")
    (base,) = re.findall(r"^FROM (\S+)$", dockerfile, flags=re.MULTILINE)
    assert base == KAFKA.image
    assert "python -m streams.stack.servers.plugins" in dockerfile


def test_redis_compares_bytes_whatever_the_locale(compose: dict[str, Any]) -> None:
    assert compose["services"]["redis"]["environment"]["LC_ALL"] == "C"


def test_all_images_are_pinned(compose: dict[str, Any]) -> None:
    images = {container["image"] for container in compose["services"].values()}
    for file in (ROOT / "deploy/compose").glob("Dockerfile*"):
        images |= set(re.findall(r"^FROM (\S+)", file.read_text("utf-8"), flags=re.MULTILINE))
    for image in images:
        # PostgreSQL counts by major and minor alone.
        pinned = r":\d+\.\d+$" if image.startswith("postgres:") else r":\d+\.\d+\.\d+"
        assert re.search(pinned, image), image
