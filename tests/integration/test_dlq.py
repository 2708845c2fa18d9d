"""Dead letters of a real worker: listed, shown, replayed, failing again, discarded."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from streams.app.broker import log_reader, schema_registry
from streams.app.settings import Settings
from streams.app.settings import settings as settings_of_process
from streams.app.stack import environment
from streams.app.stores import durable_views
from streams.cli import main as cli
from streams.contracts.catalog import topic_of
from streams.contracts.codec import encode
from streams.contracts.events import ContentKind, ContentLiked, PostCreated
from streams.contracts.ids import SnowflakeGenerator, id_time
from streams.generate.malformed_records import MalformedRecords
from streams.record import Record
from streams.runtime.dead_letters.header_names import CODE_HEADER, GROUP_HEADER
from streams.runtime.producer import AckedProducer, Message
from tests.support.workers import prepare, running_workers, skip_to_end, wait_until

TOPIC = "social.likes.v1"
OWN = (("trace", b"\xff\x00"), ("nothing", None))
USER = 7_600_000_000_000_001
MINT = SnowflakeGenerator(76)

pytestmark = pytest.mark.stack

Storyline = Callable[..., Any]


@pytest.fixture(scope="module")
def settings(stack: Settings) -> Settings:
    own = stack.model_copy(update={"views_version": "v76", "session_timeout_s": 10})
    prepare(own)
    skip_to_end(own, "engagement")
    return own


@pytest.fixture
def storyline(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Storyline]:
    """Runs `storyline dlq … --json` on the stack, and returns what it printed."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    settings_of_process.cache_clear()

    def run(*arguments: str) -> Any:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["storyline", "dlq", *arguments, "--json"])
        with pytest.raises(SystemExit) as end:
            cli.main()
        told = capfd.readouterr()
        assert end.value.code == 0, told.err
        return json.loads(told.out)

    yield run
    settings_of_process.cache_clear()


@pytest.fixture
def dead_letters(settings: Settings, storyline: Storyline) -> Callable[[], dict[str, Any]]:
    """Code -> the letter of this module's group with it."""

    def listed() -> dict[str, Any]:
        answer = storyline("list", "--topic", TOPIC, "--group", settings.group("engagement"))
        assert len(answer["letters"]) == sum(kind["letters"] for kind in answer["summary"])
        return {dead_letter["code"]: dead_letter for dead_letter in answer["letters"]}

    return listed


def test_dead_letters_are_listed_shown_replayed_and_discarded(
    settings: Settings, storyline: Storyline, dead_letters: Callable[[], dict[str, Any]]
) -> None:
    send = AckedProducer(settings.bootstrap, client_id="test-dlq").send
    unknown = a_like_of_unknown_schema(settings)
    send([unknown, Message(TOPIC, b"5", None, OWN)])
    yes = ("--group", settings.group("engagement"), "--yes")

    with running_workers(settings, ["engagement"]):

        def after(attempts: dict[str, int]) -> dict[str, Any]:
            def arrived() -> dict[str, Any] | None:
                found = dead_letters()
                told = {code: dead_letter["attempts"] for code, dead_letter in found.items()}
                return found if told == attempts else None

            return wait_until(arrived, what=f"attempts {attempts}", timeout_s=40) or {}

        first = after({"unknown_schema": 1, "bad_frame": 1})
        assert {dead_letter["state"] for dead_letter in first.values()} == {"open"}

        shown = storyline("show", first["bad_frame"]["position"])
        assert shown["letter"] == first["bad_frame"]
        assert shown["value_base64"] is None
        assert shown["headers"][:2] == [
            {"name": "trace", "value_base64": "/wA="},
            {"name": "nothing", "value": None},
        ]
        assert shown["dead_letter"]["code"] == "bad_frame"

        dry = storyline("replay", *yes, "--dry-run")
        assert dry["selected"] == [dead_letter["position"] for dead_letter in in_order(first)]
        assert dead_letters() == first

        # What fails again while this runs is not replayed again: two attempts, not more.
        assert storyline("replay", *yes)["replayed"] == 2
        second = after({"unknown_schema": 2, "bad_frame": 2})
        for code, dead_letter in second.items():
            same = ("origin", "first_seen", "topic", "group")
            assert [dead_letter[name] for name in same] == [first[code][name] for name in same]
            assert dead_letter["state"] == "open"
            assert [action["action"] for action in dead_letter["actions"]] == ["replayed"]
            assert len(dead_letter["copies"]) == 2

        why = storyline("discard", second["bad_frame"]["position"], "--why", "a test", "--yes")
        assert why["discarded"] == 1
        assert storyline("replay", *yes)["selected"] == [second["unknown_schema"]["position"]]
        third = after({"unknown_schema": 3, "bad_frame": 2})
        assert third["bad_frame"]["state"] == "discarded"
        assert third["bad_frame"]["actions"][-1]["why"] == "a test"
        assert third["unknown_schema"]["first_seen"] == first["unknown_schema"]["first_seen"]

    # With no worker running, a replay is what stands.
    at = third["unknown_schema"]["position"]
    assert storyline("replay", *yes)["replayed"] == 1
    assert dead_letters()["unknown_schema"]["state"] == "replayed"
    assert storyline("replay", *yes)["selected"] == []
    assert storyline("replay", at, "--again", "--yes")["selected"] == [at]

    copies = [record for record in source_records(settings) if record.value == unknown.value]
    assert len(copies) == 5  # the record, and four replays of it
    assert {record.key for record in copies} == {unknown.key}
    (null, again) = (record for record in source_records(settings) if OWN[0] in record.headers)
    assert (again.key, again.value, again.headers[:2]) == (b"5", None, OWN)
    assert dict(again.headers[2:]) == {
        "storyline.dlq.origin": f"{TOPIC}:{null.partition}:{null.offset}".encode(),
        "storyline.dlq.first_seen": str(null.append_time).encode(),
        "storyline.dlq.attempts": b"1",
    }


def test_a_record_that_can_be_applied_by_now_reaches_the_views(
    settings: Settings, storyline: Storyline
) -> None:
    """As after a schema has been registered late: the bytes are good now."""
    like = a_like()
    value = encode(like, schema_registry(settings).schema_id(TOPIC, "ContentLiked"))
    reason = ((CODE_HEADER, b"unknown_schema"), (GROUP_HEADER, b"storyline-v76-late"))
    message = Message(f"{TOPIC}.dlq", b"%d" % like.content_id, value, reason, now_ms())
    AckedProducer(settings.bootstrap, client_id="test-dlq").send([message])
    late = ("--topic", TOPIC, "--group", "storyline-v76-late")
    (dead_letter,) = storyline("list", *late)["letters"]
    assert storyline("show", dead_letter["position"])["event"]["content_id"] == str(like.content_id)
    assert storyline("replay", *late, "--code", "unknown_schema", "--yes")["replayed"] == 1
    with running_workers(settings, ["engagement"]), durable_views(settings) as views:
        wait_until(lambda: USER in views.likers(like.content_id), what="the like")
    assert storyline("list", *late)["letters"][0]["state"] == "replayed"


def in_order(dead_letters: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(
        dead_letters.values(),
        key=lambda dead_letter: (dead_letter["first_seen"], place(dead_letter)),
    )


def place(dead_letter: dict[str, Any]) -> tuple[int, int]:
    _, partition, offset = dead_letter["origin"].split(":")
    return int(partition), int(offset)


def source_records(settings: Settings) -> list[Record]:
    pieces = log_reader(settings).read(TOPIC, 0, follow=False)
    return [record for piece in pieces for record in piece]


def a_like_of_unknown_schema(settings: Settings) -> Message:
    schema_id = schema_registry(settings).schema_id
    poisoner = MalformedRecords(
        lambda name: schema_id(topic_of(name).name, name), now_ms(), node=76
    )
    post_id = MINT.next_id()
    post = PostCreated(
        event_id=MINT.next_id(),
        occurred_at=id_time(post_id),
        author_id=USER,
        post_id=post_id,
        text="good",
    )
    poison = poisoner.unknown_schema(post)
    assert poison.topic == TOPIC
    return Message(TOPIC, poison.key, poison.value)


def a_like() -> ContentLiked:
    event_id, content_id = MINT.next_id(), MINT.next_id()
    return ContentLiked(
        event_id=event_id,
        occurred_at=id_time(event_id),
        user_id=USER,
        content_kind=ContentKind.POST,
        content_id=content_id,
        owner_id=USER,
    )


def now_ms() -> int:
    return time.time_ns() // 1_000_000
