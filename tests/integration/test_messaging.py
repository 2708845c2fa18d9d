"""Topics, schemas, the producer and `tail`, on the real broker and registry."""

import json
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import wait
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams.accounts.capture_topics import create_topics
from streams.app.accounts.change_stream import capture
from streams.app.broker import event_producer, log_reader, schema_registry, topic_admin
from streams.app.settings import Settings
from streams.contracts.catalog import FOREVER, topics
from streams.contracts.codec import RegistryUnavailableError
from streams.contracts.events import UserMuted
from streams.contracts.json_codec import from_json
from streams.contracts.validation import EventError
from streams.dlq.record_view import decode_for_display
from streams.errors import UserError
from streams.kafka import topics as topics_module
from streams.kafka.schema_registry import SchemaMissingError, SchemaRegistry
from streams.kafka.topics import TopicAction, TopicConfig, Topics
from streams.producer import PARTITIONER, Ack, EventProducer, PublishError
from streams.runtime.dead_letters.header_names import CODE_HEADER
from streams.runtime.producer import AckedProducer, Message
from tests.support.messages import produces

pytestmark = pytest.mark.stack

# murmur2 of Kafka's own Java tests (org.apache.kafka.common.utils.UtilsTest), as signed integers
JAVA_MURMUR2 = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}
GZIP, LZ4 = 1, 3
"""The codecs as record batches number them."""

FIRST_USER = time.time_ns()
"""This run's own range of users: the stack may have served other runs."""


@pytest.fixture(scope="module")
def ready(stack: Settings) -> Settings:
    """The stack with every topic and schema."""
    topic_admin(stack).apply()
    list(schema_registry(stack).register())
    return stack


@pytest.fixture
def scratch(stack: Settings) -> Iterator[tuple[AdminClient, str]]:
    """A topic name of one's own, deleted afterwards."""
    admin = AdminClient({"bootstrap.servers": stack.bootstrap, "log_level": 0})
    name = f"test.scratch.{time.time_ns()}"
    yield admin, name
    for answer in admin.delete_topics([name]).values():
        answer.exception(20)


def end_of(settings: Settings, topic: str) -> int:
    return sum(len(piece) for piece in log_reader(settings).read(topic, 0, follow=False))


def until_same(admin: Topics, seconds: float = 10) -> list[topics_module.TopicDifference]:
    """Metadata reaches a client a moment after it was written."""
    deadline = time.monotonic() + seconds
    while (differences := admin.diff()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return differences


def test_apply_makes_the_topics_as_described(ready: Settings) -> None:
    admin = topic_admin(ready)
    assert until_same(admin) == []
    assert admin.apply() == []


@produces("… has … partitions, its description says …")
def test_apply_creates_alters_and_refuses(
    ready: Settings, scratch: tuple[AdminClient, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, name = scratch
    described = {name: TopicConfig(2, {"retention.ms": str(FOREVER)})}
    monkeypatch.setattr(topics_module, "described_topics", lambda: described)
    admin = topic_admin(ready)
    assert [one.action for one in admin.diff()] == [TopicAction.CREATE]
    assert [one.action for one in admin.apply()] == [TopicAction.CREATE]
    assert until_same(admin) == []

    described[name] = TopicConfig(2, {"retention.ms": "60000"})
    [altered] = admin.apply()
    assert altered.action is TopicAction.ALTER
    assert altered.changes == (("retention.ms", "-1", "60000"),)
    assert until_same(admin) == []

    described[name] = TopicConfig(3, {"retention.ms": "1"})
    [refused] = admin.diff()
    assert refused.action is TopicAction.REFUSE
    with pytest.raises(UserError, match="has 2 partitions, its description says 3"):
        admin.apply()
    described[name] = TopicConfig(2, {"retention.ms": "60000"})
    assert admin.diff() == []
    assert len(client.list_topics(timeout=10).topics[name].partitions) == 2


@produces("the broker refused: …", "the broker refused to create …")
def test_topic_for_more_brokers_than_there_are_is_refused(
    stack: Settings, scratch: tuple[AdminClient, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, name = scratch
    monkeypatch.setattr(topics_module, "described_topics", lambda: {name: TopicConfig(1, {})})
    with pytest.raises(UserError, match=r"the broker refused: .*eplication factor"):
        topic_admin(stack).apply(replication_factor=9)
    accounts = stack.accounts.model_copy(update={"database": name.replace(".", "_")})
    captured = capture(stack.model_copy(update={"accounts": accounts}))
    with pytest.raises(UserError, match=f"refused to create {captured.name}"):
        create_topics(stack.bootstrap, captured, replication_factor=9)


def test_dead_letters_are_gzip_whatever_the_producer_uses(
    stack: Settings, scratch: tuple[AdminClient, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A topic of an earlier version is altered; what it holds stays, and stays readable."""
    client, name = scratch
    for made in client.create_topics([NewTopic(name, 1, 1)]).values():
        made.result(20)
    letters = [Message(name, b"1", b"x" * 500, ((CODE_HEADER, b"bad_frame"),), 1_700_000_000_000)]
    send = AckedProducer(stack.bootstrap, client_id="test-codec").send
    send(letters)
    described = {name: TopicConfig(1, topics()["social.posts.v1"].dlq_config)}
    monkeypatch.setattr(topics_module, "described_topics", lambda: described)
    admin = topic_admin(stack)
    [altered] = admin.apply()
    assert ("compression.type", "producer", "gzip") in altered.changes
    assert until_same(admin) == []
    send(letters)
    assert codecs(stack, name) == [LZ4, GZIP]
    [before, after] = [
        record for piece in log_reader(stack).read(name, 0, follow=False) for record in piece
    ]
    assert after == before._replace(offset=1)
    assert (after.value, after.headers, after.append_time) == letters[0][2:]


def codecs(settings: Settings, topic: str) -> list[int]:
    """Return the codec of each record batch of partition 0, from the broker's own file.

    The layout is that of record batches of magic 2 (Kafka's protocol guide): the length is at byte
    8, the attributes are at byte 21, and their lowest three bits are the codec.
    """
    [log] = settings.home.glob(f"**/{topic}-0/00000000000000000000.log")
    data, found, at = log.read_bytes(), [], 0
    while at + 23 <= len(data):
        (length,) = struct.unpack_from(">i", data, at + 8)
        (attributes,) = struct.unpack_from(">h", data, at + 21)
        found.append(attributes & 7)
        at += 12 + length
    return found


def test_registering_again_changes_nothing(ready: Settings) -> None:
    again = list(schema_registry(ready).register())
    assert not any(one.created for one in again)
    assert len(again) == sum(len(spec.records) for spec in topics().values())


@produces("the registry … does not know this version's schema")
def test_the_registry_knows_what_it_does_not_know(ready: Settings) -> None:
    registry = schema_registry(ready)
    known = registry.schema_id("social.follows.v1", "UserFollowed")
    text = registry.schema_text(known)
    assert text is not None
    assert json.loads(text)["name"] == "UserFollowed"
    assert registry.schema_text(2_000_000_000) is None
    with pytest.raises(SchemaMissingError, match="does not know"):
        registry.schema_id("social.posts.v1", "UserFollowed")
    with pytest.raises(RegistryUnavailableError, match="does not answer"):
        SchemaRegistry("http://127.0.0.1:1/apis/ccompat/v7").schema_text(known)
    elsewhere = ready.registry_url.replace("ccompat", "nowhere")
    with pytest.raises(RegistryUnavailableError, match="is not a schema registry"):
        SchemaRegistry(elsewhere).schema_text(known)


def test_published_events_are_where_their_acks_say(ready: Settings) -> None:
    users = range(FIRST_USER, FIRST_USER + 50)
    with event_producer(ready) as log:
        acks = [
            log.publish({"type": "UserMuted", "user_id": user, "target_id": user + 1})
            for user in users
        ]
    lookup = schema_registry(ready).schema_text
    found: dict[Ack, int] = {}
    for records in log_reader(ready).read("social.blocks.v1", -5000, follow=False):
        for seen in decode_for_display(records, "social.blocks.v1", lookup):
            if isinstance(seen.event, UserMuted) and seen.event.user_id in users:
                assert seen.error is None
                place = seen.record.position
                found[Ack(seen.record.topic, place.partition, place.offset)] = seen.event.user_id
    assert found == {ack.result(): user for ack, user in zip(acks, users, strict=True)}


def test_a_full_queue_makes_publish_wait(ready: Settings) -> None:
    with EventProducer(ready.bootstrap, ready.registry_url, queue_events=5) as log:
        acks = [
            log.publish({"type": "UserUnmuted", "user_id": FIRST_USER + n, "target_id": 1})
            for n in range(100)
        ]
        assert sum(not ack.done() for ack in acks) <= 5
        assert not acks[0].cancel()
    places = [ack.result() for ack in acks]
    assert len(set(places)) == 100


def test_invalid_events_are_never_sent(ready: Settings) -> None:
    before = end_of(ready, "social.tiers.v1")
    with event_producer(ready) as log, pytest.raises(EventError, match="invalid_event: author_id"):
        log.publish(
            {
                "type": "AuthorTierChanged",
                "author_id": 0,
                "tier": "POPULAR",
                "previous_tier": "REGULAR",
                "followers": 1,
                "posts_per_hour": 0,
            }
        )
    assert end_of(ready, "social.tiers.v1") == before


def test_the_partition_of_a_key_is_javas(stack: Settings, scratch: tuple[AdminClient, str]) -> None:
    client, name = scratch
    for answer in client.create_topics([NewTopic(name, 8, 1)]).values():
        answer.result(20)
    producer = Producer(
        {"bootstrap.servers": stack.bootstrap, "partitioner": PARTITIONER, "log_level": 0}
    )
    found: dict[Any, Any] = {}
    for key in JAVA_MURMUR2:
        producer.produce(
            name,
            key=key,
            on_delivery=lambda _, message: found.update({message.key(): message.partition()}),
        )
    producer.flush(20)
    assert found == {key: (hash_ & 0x7FFFFFFF) % 8 for key, hash_ in JAVA_MURMUR2.items()}


@produces(
    "…: the broker at … did not acknowledge: …", "… events were not acknowledged; the first: …"
)
def test_nothing_is_acknowledged_by_a_broker_that_is_away(ready: Settings) -> None:
    """The producer is turned to a port where nobody answers once it has met the real broker."""
    with pytest.raises(PublishError, match="does not answer"):
        EventProducer("127.0.0.1:1", ready.registry_url)
    log = event_producer(ready)
    event = from_json({"type": "UserMuted", "user_id": FIRST_USER, "target_id": 1}, log.mint)
    log._producer = Producer(
        {"bootstrap.servers": "127.0.0.1:1", "message.timeout.ms": 500, "log_level": 0}
    )
    ack = log.publish(event)
    assert not ack.done()
    assert wait([ack], timeout=30).done
    with pytest.raises(PublishError, match="did not acknowledge"):
        ack.result()
    with pytest.raises(PublishError, match="1 events were not acknowledged"):
        log.close()


def storyline(settings: Settings, *args: str, data: bytes = b"") -> Any:
    """The command in a process of its own, on this stack."""
    ports = {
        f"STORYLINE_PORTS__{name.upper()}": str(port)
        for name, port in settings.ports.model_dump().items()
    }
    return subprocess.run(
        [sys.executable, "-m", "streams.cli.main", *args],
        input=data,
        capture_output=True,
        timeout=120,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "COLUMNS": "200"} | ports,
        check=False,
    )


def test_publish_and_tail_from_the_command_line(ready: Settings) -> None:
    author = FIRST_USER + 1000
    lines = [
        {"type": "PostCreated", "author_id": str(author), "text": "one", "hashtags": ["a"]},
        {"type": "PostCreated", "author_id": "0", "text": "refused"},
        {"type": "PostCreated", "author_id": author, "text": "two"},
    ]
    data = b"\n".join(json.dumps(line).encode() for line in lines) + b"\nnot json\n"
    done = storyline(ready, "publish", "-", "--json", data=data)
    assert done.returncode == 3, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["published"], summary["refused"]) == (2, 2)
    told = done.stderr.decode().splitlines()
    assert told[0].startswith("standard input:2: invalid_event: author_id is 0")
    assert told[1].startswith("standard input:4: malformed: not JSON")
    [place] = summary["positions"]

    seen = storyline(ready, "tail", "social.posts.v1", "--from", "-100", "--json")
    assert seen.returncode == 0, seen.stderr
    shown = [json.loads(line) for line in seen.stdout.splitlines()]
    own = [one for one in shown if one.get("event", {}).get("author_id") == str(author)]
    assert [one["event"]["text"] for one in own] == ["one", "two"]
    assert own[-1]["offset"] == place["offset"]
    assert own[0]["key"] == str(author)

    last = storyline(ready, "tail", "social.posts.v1", "--from", "-1", "-n", "1")
    assert len(last.stdout.splitlines()) == 1


def test_tail_shows_records_that_cannot_be_applied(ready: Settings) -> None:
    producer = Producer({"bootstrap.servers": ready.bootstrap, "log_level": 0})
    headers: list[tuple[str, str | bytes | None]] = [
        ("storyline.error.code", b"theirs"),
        ("storyline.error.code", b"bad_frame"),
        ("__connect.errors.exception.message", b"the value is null"),
        ("storyline.consumer.group", b"storyline-v1-posts"),
    ]
    producer.produce("social.posts.v1.dlq", key=b"tail-test", value=None, headers=headers)
    producer.flush(20)
    seen = storyline(ready, "tail", "social.posts.v1.dlq", "--from", "-100", "--json")
    shown = [json.loads(line) for line in seen.stdout.splitlines()]
    mine = [one for one in shown if one["key"] == "tail-test"][-1]
    assert mine["dead_letter"] == {
        "code": "bad_frame",
        "message": "the value is null",
        "group": "storyline-v1-posts",
    }
    assert mine["value_base64"] is None
    plain = storyline(ready, "tail", "social.posts.v1.dlq", "--from", "-100")
    assert b"bad_frame [storyline-v1-posts]: the value is null" in plain.stdout


def test_commands_say_what_is_wrong_in_one_line(ready: Settings) -> None:
    unknown = storyline(ready, "tail", "nope")
    assert unknown.returncode == 1
    assert b"nope is none of Storyline's topics" in unknown.stderr
    missing = storyline(ready, "publish", "/no/such/file")
    assert missing.returncode == 1
    assert b"No such file" in missing.stderr
    away = ready.model_copy(update={"ports": ready.ports.model_copy(update={"kafka": 1})})
    for args in (("publish", "-"), ("tail", "social.posts.v1")):
        done = storyline(away, *args)
        assert done.returncode == 1
        assert b"Traceback" not in done.stderr
        assert b"does not answer" in done.stderr
        assert b"storyline up" in done.stderr
    assert storyline(ready, "topics", "diff").returncode == 0
    assert storyline(away, "schemas", "check").returncode == 0
