"""The catalogue's files agree with the code and with each other."""

from dataclasses import fields

import pytest

from streams.contracts.catalog import (
    FOREVER,
    captured_topics,
    internal_topics,
    key_of,
    schemas,
    subject,
    topic_of,
    topics,
)
from streams.contracts.compatibility import breaks
from streams.contracts.events import EVENT_TYPES, ContentKind, Surface, Tier
from streams.contracts.fields import FieldKind, fields_of
from streams.contracts.rows import ENUMS

# topic -> key and record types, as the published contract tables them
TABLE = {
    "social.posts.v1": ("author_id", "PostCreated PostEdited PostDeleted"),
    "social.stories.v1": (
        "author_id",
        "StoryCreated StoryDeleted StoryExpired HighlightAdded HighlightRemoved",
    ),
    "social.follows.v1": ("followee_id", "UserFollowed UserUnfollowed"),
    "social.blocks.v1": ("user_id", "UserBlocked UserUnblocked UserMuted UserUnmuted"),
    "social.likes.v1": ("content_id", "ContentLiked ContentUnliked"),
    "social.views.v1": ("content_id", "ContentViewed"),
    "social.comments.v1": ("content_id", "CommentCreated CommentDeleted"),
    "social.tiers.v1": ("author_id", "AuthorTierChanged"),
    "storyline.fanout.v1": ("shard", "DeliveryTask"),
}


def test_topics_are_those_of_the_contract() -> None:
    found = {name: (spec.key, " ".join(spec.records)) for name, spec in topics().items()}
    assert found == TABLE


def test_every_record_type_has_one_schema_and_one_topic() -> None:
    listed = [record for spec in topics().values() for record in spec.records]
    assert sorted(listed) == sorted(EVENT_TYPES) == sorted(schemas())


@pytest.mark.parametrize("record_type", EVENT_TYPES)
def test_a_class_and_its_schema_have_the_same_fields(record_type: str) -> None:
    own = [field.name for field in fields(EVENT_TYPES[record_type])]
    assert own == [field.name for field in fields_of(record_type)]
    assert own[:2] == ["event_id", "occurred_at"]
    schema = schemas()[record_type]
    assert (schema["name"], schema["namespace"]) == (record_type, "social.v1")
    assert schema["doc"]
    assert all(field["doc"] for field in schema["fields"])
    assert topic_of(record_type).key in own


def test_enums_match_their_classes_and_know_a_default() -> None:
    drawn = {
        field.name: field
        for record_type in EVENT_TYPES
        for field in fields_of(record_type)
        if field.kind is FieldKind.ENUM
    }
    assert drawn.keys() == ENUMS.keys()
    for name, field in drawn.items():
        assert field.symbols == tuple(ENUMS[name])
        assert field.unknown == "UNKNOWN"
    assert {ContentKind, Surface, Tier} == set(ENUMS.values())


def test_source_topics_are_kept_for_ever_and_stamped_by_the_broker() -> None:
    for name, spec in topics().items():
        internal = name == "storyline.fanout.v1"
        assert (spec.retention_ms == FOREVER) is not internal
        assert spec.timestamps == ("CreateTime" if internal else "LogAppendTime")
        assert spec.config["cleanup.policy"] == "delete"
        assert spec.dlq_config["message.timestamp.type"] == "CreateTime"
        assert spec.dlq_config["compression.type"] == "gzip"
        assert spec.dlq_retention_ms == 30 * 86_400_000
        assert spec.partitions == (4 if name in ("social.blocks.v1", "social.tiers.v1") else 8)


def test_the_change_stream_is_kept_for_ever_and_stamped_by_the_broker() -> None:
    (spec,) = captured_topics().values()
    assert spec.name == "accounts.public.users" not in topics()
    assert (spec.partitions, spec.retention_ms, spec.timestamps) == (4, FOREVER, "LogAppendTime")
    assert spec.records == ()
    assert spec.dlq_retention_ms is None


def test_decisions_about_dead_letters_outlive_them() -> None:
    (spec,) = internal_topics().values()
    assert spec.name == "storyline.dlq.actions.v1" not in topics()
    assert (spec.partitions, spec.timestamps, spec.records) == (1, "LogAppendTime", ())
    assert spec.dlq_retention_ms is None
    longest = max(topic.dlq_retention_ms or 0 for topic in topics().values())
    assert spec.retention_ms >= 2 * longest


def test_keys_are_decimal_text() -> None:
    assert (
        key_of("UserFollowed", {"follower_id": 1, "followee_id": 1 << 62}) == str(1 << 62).encode()
    )
    assert subject("social.posts.v1", "PostCreated") == "social.posts.v1-social.v1.PostCreated"


def test_this_version_reads_what_every_release_wrote() -> None:
    assert list(breaks()) == []


def test_a_breaking_change_is_found() -> None:
    writer = {"name": "X", "namespace": "social.v1", "type": "record"}
    old = writer | {"fields": [{"name": "a", "type": "long"}]}
    new = writer | {"fields": [{"name": "a", "type": "long"}, {"name": "b", "type": "long"}]}
    [missing] = breaks({"X": new}, {"0.1.0": {"X": old}, "0.2.0": {"X": new}})
    assert (missing.record_type, missing.release) == ("X", "0.1.0")
    assert "b" in missing.reasons[0]
    [narrowed] = breaks(
        {"X": writer | {"fields": [{"name": "a", "type": "int"}]}}, {"1": {"X": old}}
    )
    assert narrowed.reasons
    [gone] = breaks({}, {"0.1.0": {"X": old}})
    assert gone.reasons == ("the record type is gone",)
