"""The six servers themselves: where they listen, what they weigh, and what survives."""

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import cast

import psutil
import psycopg
import pytest
import redis as client
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import WhiteListRoundRobinPolicy
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streams.app.settings import Settings
from streams.app.stack import local_stack
from streams.stack.service import Service
from streams.stack.services import SERVICES
from streams.stack.stack import Stack
from streams.stack.supervision import exec_under_lock, launch_files
from streams.stack.supervision.status import ProgramStatus
from tests.support.local_stack import own_settings

pytestmark = pytest.mark.stack

GIBIBYTE = 1 << 30
RECORDS = 200
SIDES = ("key", "value")


def servers(stack: Stack) -> dict[str, ProgramStatus]:
    return {row.name: row for row in stack.status() if row.kind == "server"}


def process(row: ProgramStatus) -> psutil.Process:
    assert row.pid is not None
    return psutil.Process(row.pid)


def test_servers_listen_on_loopback_and_on_their_own_ports_alone(stack: Settings) -> None:
    for name, row in servers(local_stack(stack)).items():
        listening = [
            link.laddr
            for link in process(row).net_connections("inet")
            if link.status == psutil.CONN_LISTEN
        ]
        assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}, name
        unknown = {address.port for address in listening} - set(row.ports.values())
        # The registry opens one more port of its own, at random.
        assert len(unknown) <= (1 if name == "registry" else 0), name


def test_servers_weigh_less_than_a_gibibyte_and_a_half(stack: Settings) -> None:
    weights = {name: row.memory_bytes or 0 for name, row in servers(local_stack(stack)).items()}
    assert all(weights.values())
    assert sum(weights.values()) < 1.5 * GIBIBYTE, weights


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_second_server_on_the_same_data_is_refused(stack: Settings, service: Service) -> None:
    config = local_stack(stack).config
    command = [*launch_files.wrapper(), str(launch_files.launch_file(config, service.name))]
    assert subprocess.run(command, timeout=30, check=False).returncode == exec_under_lock.LOCKED
    assert servers(local_stack(stack))[service.name].state == "ready"


@pytest.fixture
def six(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A stack that may be killed, in a directory whose name is not a plain word."""
    settings = own_settings(tmp_path_factory.mktemp("six servers"))
    stack = local_stack(settings)
    try:
        stack.up()
        yield settings
    finally:
        stack.down()


def write(settings: Settings) -> None:
    """Acknowledged data in every server; in Redis too, which may forget it."""
    admin = AdminClient({"bootstrap.servers": settings.bootstrap})
    topic = NewTopic("kept", num_partitions=1, replication_factor=1)
    admin.create_topics([topic])["kept"].result(30)
    producer = Producer({"bootstrap.servers": settings.bootstrap, "acks": "all"})
    for number in range(RECORDS):
        producer.produce("kept", str(number).encode())
    assert producer.flush(30) == 0
    body = json.dumps({"schema": '{"type": "string"}'}).encode()
    request = urllib.request.Request(  # noqa: S310
        f"{settings.registry_url}/subjects/kept/versions",
        data=body,
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
    cql(
        settings,
        "CREATE KEYSPACE kept WITH replication = {'class': 'SimpleStrategy', "
        "'replication_factor': 1}",
    )
    cql(settings, "CREATE TABLE kept.rows (id int PRIMARY KEY)")
    insert = "INSERT INTO kept.rows (id) VALUES ({})"
    cql(settings, *(insert.format(number) for number in range(RECORDS)))
    with client.Redis(host=settings.host, port=settings.ports.redis) as redis:
        redis.set("warm", "1")
    sql(
        settings,
        "CREATE TABLE kept (id int PRIMARY KEY)",
        "INSERT INTO kept SELECT generate_series(0, 199)",
    )
    capture(settings)


def sql(settings: Settings, *statements: str) -> list[int]:
    """Run statements, each in its own transaction; the first column of the last one's rows."""
    with psycopg.connect(
        host=settings.postgres_host,
        port=settings.ports.postgres,
        user="postgres",
        dbname="postgres",
        autocommit=True,
    ) as link:
        cursor = link.cursor()
        for statement in statements:
            cursor.execute(statement.encode())
        return [row[0] for row in cursor.fetchall()] if cursor.description else []


def capture(settings: Settings) -> None:
    """Have changes of the table written to `captured.public.kept`, as Avro by the registry."""
    registry = f"{settings.registry_url.removesuffix('/apis/ccompat/v7')}/apis/registry/v2"
    converter = {
        "": "io.apicurio.registry.utils.converter.AvroConverter",
        ".apicurio.registry.url": registry,
        ".apicurio.registry.auto-register": "true",
        ".apicurio.registry.as-confluent": "true",
        ".apicurio.registry.use-id": "contentId",
        ".apicurio.registry.headers.enabled": "false",
    }
    connector = {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.hostname": settings.postgres_host,
        "database.port": str(settings.ports.postgres),
        "database.user": "postgres",
        "database.dbname": "postgres",
        "topic.prefix": "captured",
        "plugin.name": "pgoutput",
        "publication.autocreate.mode": "filtered",
        "table.include.list": "public.kept",
        "poll.interval.ms": "50",
        "exactly.once.support": "required",
        "topic.creation.default.replication.factor": "1",
        "topic.creation.default.partitions": "1",
        **{f"{side}.converter{key}": to for key, to in converter.items() for side in SIDES},
    }
    request = urllib.request.Request(  # noqa: S310
        f"{settings.connect_url}/connectors/kept/config",
        data=json.dumps(connector).encode(),
        headers={"Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310


def captured(settings: Settings, expected: int) -> list[bytes]:
    """The keys of all committed changes, read from the start until there are so many."""
    options = {
        "bootstrap.servers": settings.bootstrap,
        "group.id": "any",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
    }
    consumer = Consumer(options)
    consumer.assign([TopicPartition("captured.public.kept", 0, 0)])
    keys: list[bytes] = []
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            message = consumer.poll(1)
            if message is None:
                continue
            if message.error() is None:
                keys.append(cast(bytes, message.key()))
            elif len(keys) >= expected:
                return keys
        raise AssertionError(f"{len(keys)} changes were captured instead of {expected}")
    finally:
        consumer.close()


def cql(settings: Settings, *statements: str) -> list[int]:
    """Run statements; the first column of the last one's rows."""
    profile = ExecutionProfile(
        load_balancing_policy=WhiteListRoundRobinPolicy([settings.host]), request_timeout=60
    )
    cluster = Cluster(
        [settings.host],
        port=settings.ports.cassandra,
        protocol_version=5,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
    )
    try:
        session = cluster.connect()
        rows: list[int] = []
        for statement in statements:
            rows = [row[0] for row in session.execute(statement)]
        return rows
    finally:
        cluster.shutdown()


def assert_kept(settings: Settings) -> None:
    consumer = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": "any"})
    try:
        assert consumer.get_watermark_offsets(TopicPartition("kept", 0), timeout=30) == (0, RECORDS)
    finally:
        consumer.close()
    with urllib.request.urlopen(f"{settings.registry_url}/subjects", timeout=10) as answer:  # noqa: S310
        assert "kept" in json.load(answer)
    assert sorted(cql(settings, "SELECT id FROM kept.rows")) == list(range(RECORDS))
    with client.Redis(host=settings.host, port=settings.ports.redis) as redis:
        assert redis.dbsize() == 0, "after a restart every key must be cold"
    assert sql(settings, "SELECT count(*) FROM kept WHERE id >= 0") == [RECORDS]


def assert_changes_flow(settings: Settings, number: int) -> None:
    """A new row is captured, after all earlier ones, each of them once."""
    sql(settings, "INSERT INTO kept SELECT -count(*) FROM kept")
    keys = captured(settings, RECORDS + number)
    assert len(keys) == len(set(keys)) == RECORDS + number


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)


def test_what_was_acknowledged_survives_kills_and_restarts(six: Settings) -> None:
    stack = local_stack(six)
    write(six)
    assert len(captured(six, RECORDS)) == RECORDS

    killed = {name: process(row) for name, row in servers(stack).items()}
    for victim in killed.values():
        victim.kill()
    wait_for(
        lambda: all(
            row.state == "ready" and row.pid != killed[name].pid
            for name, row in servers(stack).items()
        ),
        120,
    )
    assert_kept(six)
    assert_changes_flow(six, 1)

    running = [process(row) for row in servers(stack).values()]
    assert stack.down()
    assert not any(each.is_running() for each in running)
    assert {row.state for row in stack.status()} == {"stopped"}

    stack.up()
    assert_kept(six)
    assert_changes_flow(six, 2)
