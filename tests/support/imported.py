"""Imports of sample data, for tests: events, their report, and the views that they fold into."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from streams.contracts import events as contract
from streams.importers.activitypub import OutboxReader
from streams.importers.import_run import events_of_items, events_of_lines
from streams.importers.input_lines import InputLine
from streams.importers.jetstream import JetstreamReader
from streams.importers.mapping import IdentityMap, open_mapping
from streams.importers.outbox_files import Item
from streams.importers.report import ImportReport
from streams.sinks.memory.store import MemoryStore
from streams.views.store import Views
from tests.oracle.validity import Event, refusals
from tests.oracle.views import Oracle
from tests.support.feed_events import feed
from tests.support.served_answers import Served

SAMPLES = Path(__file__).parents[1] / "samples"
NOW_MS = 1_764_547_200_000  # 2025-12-01T00:00:00Z

ADA = "did:plc:adainventedaaaaaaaaaaaa2"
BO = "did:plc:boinventedbbbbbbbbbbbbb3"
CY = "did:plc:cyinventedcccccccccccccc"
DEE = "did:plc:deeinventeddddddddddddd5"

_TID_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"


def now_ms() -> int:
    return NOW_MS


def tid(at_us: int, clock: int = 7) -> str:
    """Return the TID of an instant, written as the specification describes it."""
    value = at_us << 10 | clock
    return "".join(_TID_ALPHABET[value >> 5 * place & 31] for place in range(12, -1, -1))


def line(
    did: str,
    collection: str,
    key: str,
    record: dict[str, Any] | None = None,
    *,
    operation: str = "create",
    time_us: int = 1_740_830_400_500_137,
) -> bytes:
    """Return a commit line of Jetstream."""
    commit: dict[str, Any] = {
        "rev": tid(time_us - 1000),
        "operation": operation,
        "collection": collection,
        "rkey": key,
    }
    if record is not None:
        commit |= {"record": {"$type": collection, **record}, "cid": "bafyreihinvented"}
    return orjson.dumps({"did": did, "time_us": time_us, "kind": "commit", "commit": commit})


def jetstream(
    lines: Iterable[bytes], mapping: IdentityMap | None = None, report: ImportReport | None = None
) -> list[contract.Event]:
    """Return the events of Jetstream's lines."""
    mapping, report = mapping or open_mapping(None), report or ImportReport()
    reader = JetstreamReader(mapping, report, now_ms)
    numbered = (InputLine(number, raw) for number, raw in enumerate(lines, start=1))
    return list(
        events_of_lines(numbered, reader.read, report, mapping, name="sample", now_ms=now_ms)
    )


def outbox(
    values: Iterable[Any], mapping: IdentityMap | None = None, report: ImportReport | None = None
) -> list[contract.Event]:
    """Return the events of an outbox's entries."""
    mapping, report = mapping or open_mapping(None), report or ImportReport()
    listed = [Item("outbox", number, value) for number, value in enumerate(values, start=1)]
    reader = OutboxReader(mapping, report, now_ms)
    return list(events_of_items(lambda: iter(listed), reader, report, mapping, now_ms=now_ms))


def sample_lines() -> list[bytes]:
    return (SAMPLES / "jetstream.jsonl").read_bytes().splitlines(keepends=True)


def as_dicts(events: Iterable[contract.Event]) -> list[Event]:
    """Return events in the oracle's form."""
    return [_as_dict(event) for event in events]


def assert_valid_and_unique(events: list[contract.Event]) -> None:
    """Assert that no event breaks a rule, and that different events have different ids."""
    known: dict[int, contract.Event] = {}
    for event in events:
        assert not refusals(_as_dict(event), NOW_MS)
        assert known.setdefault(event.event_id, event) == event


def answers(served: Any, events: list[Event]) -> dict[str, Any]:
    """Return every view of every user and content that the events name."""
    users, contents = set[int](), set[int]()
    for event in events:
        for name in ("author_id", "user_id", "follower_id", "followee_id", "target_id", "owner_id"):
            users.update(filter(None, [event.get(name)]))
        for name in ("post_id", "content_id", "repost_of", "reply_to"):
            contents.update(filter(None, [event.get(name)]))
    tags = {tag for event in events for tag in event.get("hashtags", ())}
    return {
        "home": {user: served.home_feed(user) for user in users},
        "author": {user: served.author_feed(user) for user in users},
        "graph": {user: served.graph(user) for user in users},
        "likes": {user: served.likes(user) for user in users},
        "counts": {content: served.counts(content) for content in contents},
        "likers": {content: served.likers_page(content) for content in contents},
        "hashtag": {tag: served.hashtag_feed(tag) for tag in tags},
    }


def assert_folds_alike(events: list[Event], deliveries: Iterable[list[Event]]) -> None:
    """Assert that every delivery gives the oracle's answers to the events, each taken once."""
    once = answers(Oracle(events), events)
    for delivered in deliveries:
        assert answers(Oracle(delivered), events) == once
        store = MemoryStore()
        feed(store, [delivered])
        assert answers(Served(Views.of(store)), events) == once


def _as_dict(event: contract.Event) -> Event:
    return {"type": type(event).__name__, **dict(_fields(event))}


def _fields(event: contract.Event) -> Iterator[tuple[str, Any]]:
    for name, value in asdict(event).items():
        if isinstance(value, contract.ContentKind):
            yield name, str(value)
        else:
            yield name, list(value) if isinstance(value, tuple) else value
