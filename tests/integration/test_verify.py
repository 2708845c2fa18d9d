"""Home feeds of a small network through real servers: proved, falsified, found out, explained."""

import json
import random
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest
import redis

from streams.app.settings import Settings
from streams.app.settings import settings as settings_of_process
from streams.app.stack import environment
from streams.cli import main as cli
from streams.contracts.events import (
    Event,
    PostCreated,
    PostDeleted,
    PostEdited,
    UserBlocked,
    UserFollowed,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
)
from streams.contracts.ids import SnowflakeGenerator, id_time
from streams.producer import Ack, EventProducer
from streams.sinks.redis.keys import ID_BYTES, Keys, pack, unpack
from tests.support.line import own_views
from tests.support.workers import running_workers

PEOPLE, POSTS = 12, 300
HEADER_BYTES = 78
"""The last four of them tell how many ids stand in order."""
AGENTS = ("graph", "posts", "delivery")
MINT = SnowflakeGenerator(77)

pytestmark = pytest.mark.stack


class Ended(NamedTuple):
    """How a command ended; `told` is the JSON that it printed."""

    code: Any
    told: Any
    err: str


Storyline = Callable[..., Ended]


@pytest.fixture
def settings(stack: Settings) -> Settings:
    return own_views(stack, "v77")


@pytest.fixture
def storyline(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Storyline]:
    """Runs `storyline … --json` on the stack."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    settings_of_process.cache_clear()

    def run(*arguments: str) -> Ended:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["storyline", *arguments, "--json"])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capfd.readouterr()
        return Ended(end.value.code, json.loads(said.out) if said.out else None, said.err)

    yield run
    settings_of_process.cache_clear()


class Network:
    """Seeded acts of a few people whom no other test names; says where each event lies."""

    def __init__(self) -> None:
        seed = secrets.randbelow(1 << 32)
        print(f"seed {seed}")
        self.draw = random.Random(seed)
        self.people = [MINT.next_id() for _ in range(PEOPLE)]
        self.posts: list[PostCreated] = []
        self.places: dict[Event, Ack] = {}

    @property
    def readers(self) -> str:
        return ",".join(map(str, self.people))

    def publish(self, settings: Settings, events: list[Event]) -> None:
        with EventProducer(settings.bootstrap, settings.registry_url, node=77) as log:
            acks = [(event, log.publish(event)) for event in events]
        self.places |= {event: ack.result() for event, ack in acks}

    def acts(self, posts: int, relations: Sequence[str]) -> list[Event]:
        """So many posts, edits and deletes among them, and relations of these kinds."""
        kinds = (*relations, "edit", "delete")
        events: list[Event] = []
        while posts:
            if self.draw.random() < 0.6:
                events.append(self.post(self.draw.choice(self.people)))
                posts -= 1
            else:
                events.append(self._other(self.draw.choice(kinds)))
        return events

    def post(self, author: int) -> PostCreated:
        post_id, link = MINT.next_id(), self.draw.choice(("repost_of", "reply_to", None, None))
        links: dict[str, Any] = {}
        if link is not None and self.posts:
            original = self.draw.choice(self.posts)
            links = {link: original.post_id, f"{link}_author": original.author_id}
        made = PostCreated(
            event_id=MINT.next_id(),
            occurred_at=id_time(post_id),
            author_id=author,
            post_id=post_id,
            text=f"post {len(self.posts)}",
            **links,
        )
        self.posts.append(made)
        return made

    def pair(self, make: Callable[..., Event], names: tuple[str, str]) -> Event:
        two = self.draw.sample(self.people, 2)
        return make(**_stamped(), **dict(zip(names, two, strict=True)))

    def _other(self, kind: str) -> Event:
        if kind in _PAIRS:
            return self.pair(*_PAIRS[kind])
        post = self.draw.choice(self.posts)
        author, post_id = post.author_id, post.post_id
        if kind == "delete":
            return PostDeleted(**_stamped(), author_id=author, post_id=post_id)
        return PostEdited(
            **_stamped(), author_id=author, post_id=post_id, text="edited", hashtags=(), media=()
        )


_FOLLOW, _ACT = ("follower_id", "followee_id"), ("user_id", "target_id")
_PAIRS: dict[str, tuple[Callable[..., Event], tuple[str, str]]] = {
    "follow": (UserFollowed, _FOLLOW),
    "unfollow": (UserUnfollowed, _FOLLOW),
    "block": (UserBlocked, _ACT),
    "unblock": (UserUnblocked, _ACT),
    "mute": (UserMuted, _ACT),
}


def _stamped() -> dict[str, int]:
    event_id = MINT.next_id()
    return {"event_id": event_id, "occurred_at": id_time(event_id)}


class Timeline:
    """A reader's stored timeline, written to behind everybody's back."""

    def __init__(self, settings: Settings, reader: int) -> None:
        self._client = redis.Redis(host=settings.redis_host, port=settings.ports.redis)
        self._key = Keys(settings.views_version, settings.shards).timeline(reader)

    @property
    def value(self) -> bytes:
        value = self._client.get(self._key)
        assert isinstance(value, bytes)
        return value

    @property
    def ids(self) -> tuple[int, ...]:
        """The floor, then posts, ascending."""
        floor, *posts = unpack(self.value[HEADER_BYTES:])
        return (floor, *sorted(set(posts)))

    def store(self, ids: tuple[int, ...]) -> None:
        header = self.value[: HEADER_BYTES - 4] + len(ids).to_bytes(4, "big")
        self._client.set(self._key, header + pack(ids), keepttl=True)


def test_feeds_are_proved_and_a_falsified_timeline_is_found_out(
    settings: Settings, storyline: Storyline
) -> None:
    network = Network()
    start: list[Event] = [network.pair(*_PAIRS["follow"]) for _ in range(60)]
    start += [network.post(author) for author in network.people]
    network.publish(settings, start)
    # Mostly follows: blocks and unfollows would leave little to see.
    network.publish(settings, network.acts(POSTS // 2, [*_PAIRS, *["follow"] * 8]))
    with running_workers(settings, AGENTS):
        first = storyline("verify", "--readers", network.readers, "--timeout", "120")
        assert first.code == 0, first
        assert first.told["warm"] == 0
        # By reading them, verify made the timelines warm; now posts are delivered to them.
        network.publish(settings, network.acts(POSTS // 2, ["mute"]))
        second = storyline("verify", "--readers", network.readers, "--timeout", "120")
        assert second.code == 0, second
        assert second.told["proved"] is True
        assert second.told["equal"] == PEOPLE
        assert second.told["warm"] == PEOPLE
        # And now relations change as well.
        network.publish(settings, network.acts(POSTS // 2, [*_PAIRS, *["follow"] * 8]))
        third = storyline("verify", "--readers", network.readers, "--timeout", "120")
        assert third.code == 0, third
        assert third.told["equal"] == PEOPLE
        assert third.told["posts"] > POSTS
        _falsify(settings, storyline, network)
        _explain(settings, storyline, network)
    network.publish(settings, [network.post(network.people[0])])
    late = storyline("verify", "--readers", network.readers, "--timeout", "0")
    assert (late.code, late.told) == (1, None)
    assert "consumer group posts is" in late.err


def _falsify(settings: Settings, storyline: Storyline, network: Network) -> None:
    """What a timeline lacks shows and is named; what it has too much is filtered when read."""
    shown = {
        reader: [int(post["post_id"]) for post in _feed(storyline, reader)]
        for reader in network.people
    }
    reader = max(shown, key=lambda user: len(shown[user]))
    timeline = Timeline(settings, reader)
    right = timeline.ids
    gone = next(post for post in shown[reader] if post in right[1:])
    timeline.store(tuple(post for post in right if post != gone))
    found = storyline("verify", "--readers", network.readers)
    assert found.code == 1, found
    (difference,) = found.told["differences"]
    assert (difference["reader_id"], difference["missing"]) == (str(reader), [str(gone)])
    assert difference["path"] == "with timelines"
    assert found.told["equal"] == PEOPLE - 1
    why = storyline("explain", str(reader), str(gone)).told
    assert (why["in_feed"], why["rules"], why["fault"]) == (False, [], "not_delivered")
    hidden = {post.post_id for post in network.posts} - set(shown[reader])
    timeline.store((right[0], *sorted({*right[1:], *(i for i in hidden if i > right[0])})))
    assert storyline("verify", "--readers", network.readers).code == 0
    assert len(timeline.value) == HEADER_BYTES + ID_BYTES * len(timeline.ids)


def _feed(storyline: Storyline, reader: int) -> list[dict[str, Any]]:
    ended = storyline("feed", str(reader), "--limit", "1000")
    posts: list[dict[str, Any]] = ended.told["posts"]
    return posts


def _explain(settings: Settings, storyline: Storyline, network: Network) -> None:
    """Every post is explained as the feed has it, with the places that the broker told."""
    reader = network.draw.choice(network.people)
    shown = {int(post["post_id"]) for post in _feed(storyline, reader)}
    sample = network.draw.sample(network.posts, 12)
    sample += [post for post in network.posts if post.author_id == reader][:1]
    for post in sample:
        ended = storyline("explain", str(reader), str(post.post_id))
        assert ended.code == 0, ended
        told = ended.told
        assert told["in_feed"] == (post.post_id in shown), told
        assert bool(told["rules"]) == (post.post_id not in shown), told
        places = {(e["topic"], e["partition"], e["offset"]) for e in told["events"]}
        assert places == _concerning(network, reader, post), told
    unknown = storyline("explain", str(reader), str(MINT.next_id())).told
    assert (unknown["rules"], unknown["events"]) == (["unknown_post"], [])


def _concerning(network: Network, reader: int, post: PostCreated) -> set[tuple[str, int, int]]:
    """Where the events lie that bear upon the reader's seeing the post."""
    author = post.author_id
    others = {author, post.repost_of_author, post.reply_to_author} - {reader, None}

    def concerns(event: Any) -> bool:
        if hasattr(event, "post_id"):
            return bool(event.post_id == post.post_id)
        if hasattr(event, "follower_id"):
            return (event.follower_id, event.followee_id) == (reader, author)
        one, other = event.user_id, event.target_id
        return (one == reader and other in others) or (other == reader and one in others)

    return {
        (place.topic, place.partition, place.offset)
        for event, place in network.places.items()
        if concerns(event)
    }
