"""The example producers in Java, Go, Node and Rust, on the real broker and registry."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient

from streams.app.broker import event_producer, log_reader, schema_registry, topic_admin
from streams.app.settings import Settings
from streams.contracts.events import Event, PostCreated, UserFollowed
from streams.contracts.ids import id_time
from streams.dlq.record_view import RecordView, decode_for_display
from streams.producer import Ack
from tests.support.producer_programs import LANGUAGES, ExampleProducer, Language, build

pytestmark = [
    pytest.mark.stack,
    pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name),
]

POSTS: Final = "social.posts.v1"
FOLLOWS: Final = "social.follows.v1"
AUTHOR: Final = 8253290000810904887
AUTHOR_PARTITION: Final = 1
"""Java's murmur2 of the author, of 8 partitions. Its absolute value would give 7, CRC32 (the
default of librdkafka) 4, FNV-1a (of Sarama) 3, the LegacyPartitioner of KafkaJS 2."""
NODE: Final = 777
FOLLOWER: Final = (1 << 63) - 1
TEXT: Final = 'Sonnenaufgang über dem See 🌄\n"quoted"'
NO_SERVER: Final = "127.0.0.1:1"

_programs: dict[str, ExampleProducer] = {}


@pytest.fixture
def program(
    language: Language, stack: Settings, tmp_path_factory: pytest.TempPathFactory
) -> ExampleProducer:
    """The program of a language, built once per test process."""
    if language.name not in _programs:
        began = time.monotonic()
        folder = tmp_path_factory.mktemp(language.name)
        _programs[language.name] = build(language, folder, stack.cache / "example-producers")
        print(f"{language.name}: built in {time.monotonic() - began:.0f} s")
    return _programs[language.name]


@pytest.fixture
def ready(stack: Settings) -> Settings:
    """The stack with every topic and schema."""
    topic_admin(stack).apply()
    list(schema_registry(stack).register())
    return stack


def test_program_publishes_valid_events_where_python_would(
    program: ExampleProducer, ready: Settings
) -> None:
    versions = _versions(ready)
    began = time.time_ns() // 1_000_000
    done = program.publish(
        str(AUTHOR),
        str(FOLLOWER),
        TEXT,
        bootstrap=ready.bootstrap,
        registry=_registry_address(ready),
        node=NODE,
    )
    ended = time.time_ns() // 1_000_000
    assert done.returncode == 0, done.stderr
    positions = _positions(done.stdout)
    assert {name: at.topic for name, at in positions.items()} == {
        "PostCreated": POSTS,
        "UserFollowed": FOLLOWS,
    }

    post = _read(ready, positions["PostCreated"])
    assert isinstance(post, PostCreated)
    assert post == PostCreated(
        event_id=post.event_id,
        occurred_at=id_time(post.post_id),
        author_id=AUTHOR,
        post_id=post.post_id,
        text=TEXT,
        hashtags=(program.language.name,),
        media=(),
        reply_to=None,
        reply_to_author=None,
        repost_of=None,
        repost_of_author=None,
    )
    follow = _read(ready, positions["UserFollowed"])
    assert isinstance(follow, UserFollowed)
    assert (follow.follower_id, follow.followee_id) == (FOLLOWER, AUTHOR)
    ids = (post.post_id, post.event_id, follow.event_id)
    assert len(set(ids)) == len(ids)
    for minted in ids:
        assert began <= id_time(minted) <= ended
        assert minted >> 12 & 0x3FF == NODE
    assert began <= follow.occurred_at <= ended
    assert _versions(ready) == versions

    with event_producer(ready) as log:
        ack = log.publish(
            {"type": "UserFollowed", "follower_id": "1", "followee_id": str(AUTHOR)}
        ).result()
    assert ack.partition == AUTHOR_PARTITION
    assert {at.partition for at in positions.values()} == {AUTHOR_PARTITION}


def test_program_exits_with_error_when_refused(program: ExampleProducer, ready: Settings) -> None:
    """A bad id, a registry and a broker that do not answer: exit code 1, a reason, no position."""
    servers: dict[str, Any] = {"bootstrap": ready.bootstrap, "registry": _registry_address(ready)}
    for args, changed, reason in (
        (("0", "1", "a"), {}, "user id"),
        ((str(1 << 63), "1", "a"), {}, "user id"),
        (("1", "2", "a"), {"registry": f"http://{NO_SERVER}"}, NO_SERVER),
        (("1", "2", "a"), {"bootstrap": NO_SERVER, "timeout_ms": 2000}, "the broker"),
    ):
        done = program.publish(*args, **servers | changed)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("error: ")
        assert reason in done.stderr


def _positions(output: str) -> Mapping[str, Ack]:
    """Read the lines that a program prints, such as `PostCreated social.posts.v1:4:17`."""
    found: dict[str, Ack] = {}
    for line in output.splitlines():
        name, _, position = line.partition(" ")
        topic, partition, offset = position.split(":")
        found[name] = Ack(topic, int(partition), int(offset))
    return found


def _read(settings: Settings, at: Ack) -> Event | None:
    """Return the event at a position. Checks its frame, key and headers."""
    [seen] = [
        seen for seen in _seen(settings, at.topic) if tuple(seen.record.position) == tuple(at)
    ]
    assert seen.error is None
    assert seen.record.key == b"%d" % AUTHOR
    assert seen.record.headers == ()
    schema_id = schema_registry(settings).schema_id(at.topic, type(seen.event).__name__)
    assert seen.record.value is not None
    assert seen.record.value[:5] == b"\0" + schema_id.to_bytes(4, "big")
    return seen.event


def _seen(settings: Settings, topic: str) -> Iterator[RecordView]:
    lookup = schema_registry(settings).schema_text
    for records in log_reader(settings).read(topic, -100, follow=False):
        yield from decode_for_display(records, topic, lookup)


def _versions(settings: Settings) -> Mapping[str, list[int]]:
    """Return the versions of every subject that the registry has."""
    registry = SchemaRegistryClient({"url": settings.registry_url})
    return {subject: registry.get_versions(subject) for subject in registry.get_subjects()}


def _registry_address(settings: Settings) -> str:
    return settings.registry_url.removesuffix("/apis/ccompat/v7")
