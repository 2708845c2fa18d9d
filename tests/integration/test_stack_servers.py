"""The four servers themselves: where they listen, what they weigh, and what survives."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator

import psutil
import pytest
import redis as client
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import WhiteListRoundRobinPolicy
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streams.app.settings import Settings
from streams.app.stack import local_stack
from streams.stack.stack import Stack
from streams.stack.status import ProgramStatus
from tests.local_stack import own_settings

pytestmark = pytest.mark.stack

GIBIBYTE = 1 << 30
RECORDS = 200


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


def test_servers_weigh_less_than_a_gibibyte(stack: Settings) -> None:
    weights = {name: row.memory_bytes or 0 for name, row in servers(local_stack(stack)).items()}
    assert all(weights.values())
    assert sum(weights.values()) < GIBIBYTE, weights


@pytest.fixture
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A stack that may be killed, in a directory whose name is not a plain word."""
    settings = own_settings(tmp_path_factory.mktemp("four servers"))
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
        assert json.load(answer) == ["kept"]
    assert sorted(cql(settings, "SELECT id FROM kept.rows")) == list(range(RECORDS))
    with client.Redis(host=settings.host, port=settings.ports.redis) as redis:
        assert redis.dbsize() == 0, "after a restart every key must be cold"


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)


def test_what_was_acknowledged_survives_kills_and_restarts(four: Settings) -> None:
    stack = local_stack(four)
    write(four)

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
    assert_kept(four)

    running = [process(row) for row in servers(stack).values()]
    assert stack.down()
    assert not any(each.is_running() for each in running)
    assert {row.state for row in stack.status()} == {"stopped"}

    stack.up()
    assert_kept(four)
