"""A hashtag that an event can carry is a hashtag that `storyline hashtag` finds."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from streams.cli.read.options import parse_tag
from streams.cli.read.posts import app
from streams.contracts.catalog import schemas
from streams.contracts.codec import encode
from streams.contracts.decoder import decode_and_validate
from streams.contracts.events import PostCreated
from streams.contracts.ids import SnowflakeGenerator
from streams.contracts.json_codec import from_json
from streams.contracts.records import Records
from streams.contracts.tags import MAX_TAG_KEY, tag_key
from streams.contracts.validation import MAX_HASHTAG
from streams.projections.projection import Projected
from streams.projections.registry import project
from streams.record import Record
from streams.serving import hashtag_feed
from streams.serving.read_side import ReadSide
from streams.sinks.memory.store import MemoryStore
from streams.sinks.memory.timeline_cache import MemoryTimelineCache
from streams.views.store import Views
from tests.support.memory_side import memory_side

SCHEMA = json.dumps(schemas()["PostCreated"])
MINT = SnowflakeGenerator(1)
PERSIAN = "می\u200cخواهم"  # zero-width non-joiner
ODD = (
    "\u200c\u200d\u200e\u200f\u202a\u202e\u2066\u2069\ufeff\u00ad\u2060"  # joiners, direction
    "\0\t\n\r\x1b\x7f\x85\u2028\u00a0\u3000 "  # controls and spaces
    "#＃\ufe5fßẞİıſςﬁ\ufdfa\u0345\u0307\u0301\u1e9b\uac00\u1100\u1161"  # folded, (de)composed
    "\U0001f469\ufe0f\U0001f1ee\U000e0067\ue000\uffff\U0010ffff[]/\\:'\""
)
TAGS = st.text(st.sampled_from(ODD) | st.characters(exclude_categories=["Cs"]), max_size=100)


def store_of(tag: str) -> tuple[MemoryStore, int]:
    """Return the views after one post that is published as JSON with the tag, and the post's id."""
    line = orjson.dumps({"type": "PostCreated", "author_id": "1", "text": "", "hashtags": [tag]})
    event = from_json(orjson.loads(line), MINT)
    assert isinstance(event, PostCreated)
    record = Record("social.posts.v1", 0, 0, event.occurred_at, b"1", encode(event, 1))
    batch, rejected = decode_and_validate(Records.of([record]), record.topic, {1: SCHEMA}.get)
    assert not rejected
    store = MemoryStore()
    projected: Projected = project(batch, {})
    store.apply(projected.effects)
    return store, event.post_id


@given(TAGS)
@example(PERSIAN)
@example("\ufdfa" * MAX_HASHTAG)
@example("#" + "a" * (MAX_HASHTAG - 1))
def test_a_tag_of_a_valid_event_is_found_as_written_and_by_its_key(tag: str) -> None:
    key = tag_key(tag)
    if not key:
        return  # no tag: the fold drops it
    store, post_id = store_of(tag)
    for asked in (tag, key, f"#{key}"):
        page = hashtag_feed(Views.of(store), parse_tag(asked))
        assert [post.post_id for post in page.posts] == [post_id]


def test_no_key_of_a_valid_tag_is_longer_than_the_command_takes() -> None:
    """Every code point alone: normalisation of a text is no longer than that of its parts."""
    points = (chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000)
    assert max(len(tag_key(point)) for point in points) * MAX_HASHTAG == MAX_TAG_KEY


@pytest.mark.parametrize("tag", [PERSIAN, "[/b]", "\x1b[2J", "e\u0301t\u00e9", "#STRASSE"])
def test_the_command_finds_any_tag_and_prints_it_as_plain_text(
    monkeypatch: pytest.MonkeyPatch, tag: str
) -> None:
    store, post_id = store_of(tag)

    @contextmanager
    def opened(_: object) -> Iterator[ReadSide]:
        yield memory_side(store, MemoryTimelineCache(shards=1))

    monkeypatch.setattr("streams.app.read_side.open_read_side", opened)
    ended = CliRunner().invoke(app, ["hashtag", tag, "--json"])
    assert ended.exit_code == 0, repr(ended.exception)
    assert [post["post_id"] for post in json.loads(ended.stdout)["posts"]] == [str(post_id)]
    ended = CliRunner().invoke(app, ["hashtag", tag])
    assert ended.exit_code == 0, ended.output
    assert f"posts under {tag.replace(chr(27), chr(92) + 'x1b')}" in ended.stdout
    assert "\x1b" not in ended.stdout
