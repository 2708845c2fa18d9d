"""Events to measure with: small likes and views, and posts with text."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from confluent_kafka import Producer

from streams.app.broker import schema_registry
from streams.app.settings import Settings
from streams.contracts.catalog import key_of, topic_of
from streams.contracts.codec import encode
from streams.contracts.events import (
    ContentKind,
    ContentLiked,
    ContentViewed,
    Event,
    PostCreated,
    Surface,
)
from streams.contracts.ids import SnowflakeGenerator, id_time

_AUTHORS, _POSTS, _USERS = 9_200_000_000, 9_100_000_000, 9_000_000_000


class Message(NamedTuple):
    """A record to publish."""

    key: bytes
    value: bytes


class Kind(NamedTuple):
    """A record type to measure with, and the column by which its events are counted."""

    record_type: str
    counted: str
    make: Callable[[SnowflakeGenerator, random.Random, int], Event]

    @property
    def topic(self) -> str:
        return topic_of(self.record_type).name

    def events(self) -> Iterator[Event]:
        """Without end, and each time the same but for the ids."""
        mint, draw, number = SnowflakeGenerator(node=90), random.Random(4), 0
        while True:
            yield self.make(mint, draw, number)
            number += 1

    def messages(self, schema_id: int) -> Iterator[Message]:
        key = topic_of(self.record_type).key
        for event in self.events():
            fields = {key: getattr(event, key)}
            yield Message(key_of(self.record_type, fields), encode(event, schema_id))


def _like(mint: SnowflakeGenerator, draw: random.Random, number: int) -> Event:
    event_id = mint.next_id()
    return ContentLiked(
        event_id=event_id,
        occurred_at=id_time(event_id),
        user_id=_USERS + number,
        content_kind=ContentKind.POST,
        content_id=_POSTS + draw.randrange(5000),
        owner_id=_AUTHORS + draw.randrange(1000),
    )


def _view(mint: SnowflakeGenerator, draw: random.Random, number: int) -> Event:
    event_id = mint.next_id()
    return ContentViewed(
        event_id=event_id,
        occurred_at=id_time(event_id),
        user_id=_USERS + number,
        content_kind=ContentKind.POST,
        content_id=_POSTS + draw.randrange(5000),
        owner_id=_AUTHORS + draw.randrange(1000),
        surface=Surface.FEED,
        dwell_ms=draw.randrange(20_000),
    )


def _post(mint: SnowflakeGenerator, draw: random.Random, number: int) -> Event:  # noqa: ARG001
    event_id, post_id = mint.next_id(), mint.next_id()
    return PostCreated(
        event_id=event_id,
        occurred_at=id_time(post_id),
        author_id=_AUTHORS + draw.randrange(5000),
        post_id=post_id,
        text="so many words about so little " * 3,
        hashtags=("bench", "ingest"),
    )


KINDS: Final[Mapping[str, Kind]] = {
    "likes": Kind("ContentLiked", "content_id", _like),
    "views": Kind("ContentViewed", "content_id", _view),
    "posts": Kind("PostCreated", "author_id", _post),
}


def schema_id(settings: Settings, kind: Kind) -> int:
    return schema_registry(settings).schema_id(kind.topic, kind.record_type)


def publish(settings: Settings, topic: str, messages: Iterable[Message]) -> None:
    """Into the log; returns when everything is acknowledged."""
    producer = Producer(
        {"bootstrap.servers": settings.bootstrap, "partitioner": "murmur2_random", "linger.ms": 20}
    )
    for message in messages:
        while True:
            try:
                producer.produce(topic, key=message.key, value=message.value)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(60) == 0
