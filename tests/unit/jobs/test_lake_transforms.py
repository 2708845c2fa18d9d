"""The jobs' pure functions, compared with plain Python over many small worlds at once."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.fact_engagement import ENGAGEMENT
from jobs.facts import Facts, _balanced
from jobs.queries import UnbalancedError
from jobs.transforms.dates import dates
from jobs.transforms.deduplication import deduplicate
from jobs.transforms.posts import posts
from jobs.transforms.stories import stories
from streams.contracts.arrow import arrow_schema
from streams.contracts.bronze import bronze_table
from tests.oracle import content
from tests.oracle.validity import EPOCH_MS, Event

SEED = 20_240_229
AT = EPOCH_MS + 86_400_000 * 400


def frame(spark: SparkSession, topic: str, events: list[Event]) -> DataFrame:
    """Events as rows of bronze; their position matters to nobody here."""
    position: dict[str, Any] = {
        "kafka_partition": 0,
        "append_time": 0,
        "append_date": date(2024, 1, 1),
    }
    rows: list[dict[str, Any]] = []
    for number, event in enumerate(events):
        row = {k: v for k, v in event.items() if k != "type"}
        row |= {k: event[k] * 1000 for k in ("occurred_at", "expires_at") if k in event}
        rows.append(row | position | {"record_type": event["type"], "kafka_offset": number})
    return spark.createDataFrame(pa.Table.from_pylist(rows, arrow_schema(bronze_table(topic))))


def ms(instant: datetime | None) -> int | None:
    """A time that Spark collected, which it gives in this machine's zone without naming it."""
    return None if instant is None else round(instant.astimezone(UTC).timestamp() * 1000)


def told(row: dict[str, Any], like: dict[str, Any]) -> dict[str, Any]:
    return {k: ms(row[k]) if isinstance(row[k], datetime) else row[k] for k in like}


def content_events(rng: random.Random, count: int) -> tuple[list[Event], list[Event]]:
    """Posts' and stories' events of few ids, authors, times: they meet, and lie, and repeat."""
    of_posts: list[Event] = []
    of_stories: list[Event] = []
    for number in range(count):
        about = {
            "event_id": 1_000_000 + rng.randrange(count),  # some twice, in no order
            "occurred_at": AT + rng.randrange(4),
            "author_id": rng.randint(1, 2),
        }
        about["event_id"] = about["event_id"] * 1000 + number
        kind = rng.choice(("PostCreated", "PostEdited", "PostDeleted"))
        post = {"type": kind, **about, "post_id": rng.randint(1, count // 6)}
        if kind != "PostDeleted":
            post |= {
                "text": rng.choice("abc"),
                "hashtags": rng.choice(([], ["x", "y"])),
                "media": rng.choice(([], ["m"])),
            }
        if kind == "PostCreated":
            post |= {"repost_of": rng.choice((None, 7))}
        of_posts.append(post)
        kind = rng.choice(("StoryCreated", "StoryDeleted", "HighlightAdded", "HighlightRemoved"))
        if rng.random() < 0.6 and kind == "StoryDeleted":
            kind = "StoryExpired"  # changes nothing
        story = {"type": kind, **about, "story_id": rng.randint(1, count // 6)}
        if kind == "StoryCreated":
            story |= {"media_url": "u", "caption": rng.choice("abc"), "expires_at": AT + 99}
        if kind == "HighlightAdded":
            story |= {"title": rng.choice("tuv")}
        of_stories.append(story)
    return of_posts + of_posts[: count // 4], of_stories + of_stories[: count // 4]


def test_content_is_folded_by_the_contract_in_any_order(spark: SparkSession) -> None:
    rng = random.Random(SEED)
    of_posts, of_stories = content_events(rng, 600)
    rng.shuffle(of_posts)
    rng.shuffle(of_stories)
    for topic, fold, key, events, model in (
        ("social.posts.v1", posts, "post_id", of_posts, content.posts),
        ("social.stories.v1", stories, "story_id", of_stories, content.stories),
    ):
        rows = {row[key]: row.asDict() for row in fold(frame(spark, topic, events)).collect()}
        want = model(events)
        assert len(want) > 50
        assert {k: told(rows[k], want[k]) for k in rows} == want, SEED
        assert all(row["is_deleted"] == (row["deleted_at"] is not None) for row in rows.values())


def test_of_creates_of_one_id_the_smallest_event_counts(spark: SparkSession) -> None:
    rng = random.Random(SEED)
    batch: list[dict[str, Any]] = []
    rivals: list[dict[str, Any]] = []
    standing: dict[tuple[str, int], int] = {}
    for key_id in range(1, 400):
        made = rng.choice(("post", "comment", "event"))
        events = [key_id] if made == "event" else rng.sample(range(1, 6), 3)
        kinds = {e: rng.choice((None, "repost")) if made == "post" else "like" for e in events}
        batch += [
            {"made": made, "key_id": key_id, "event_id": e, "event_type": kinds[e]}
            for e in rng.choices(events, k=rng.randint(1, 4))
        ]
        if made == "post" and rng.random() < 0.5:
            rivals.append({"made": made, "key_id": key_id, "event_id": rng.choice(events)})
        possible = [e for e in events if kinds[e] is not None]
        if possible and rng.random() < 0.5:
            standing[made, key_id] = rng.choice(possible)
    key = "made string, key_id bigint"
    deduplicated = deduplicate(
        spark.createDataFrame(batch, f"{key}, event_id bigint, event_type string"),
        spark.createDataFrame(rivals, f"{key}, event_id bigint"),
        spark.createDataFrame([(*k, v) for k, v in standing.items()], f"{key}, existing_id bigint"),
    )
    got = sorted(row["verdict"] for row in deduplicated.select("verdict").collect())
    want = content.verdicts(batch, rivals, standing)
    assert got == want, SEED
    assert set(want) == {"insert", "replace", "withdraw", "duplicate", "conflict", "other"}


def test_every_day_of_the_calendar(spark: SparkSession) -> None:
    first, last = date(2019, 12, 25), date(2028, 1, 5)
    rows = dates(spark, first, last).orderBy("date").collect()
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    assert [row["date"] for row in rows] == days
    for row in rows:
        day = row["date"]
        assert (row["iso_year"], row["iso_week"], row["iso_weekday"]) == tuple(day.isocalendar())
        assert (row["year"], row["month"], row["day"]) == (day.year, day.month, day.day)
        assert row["quarter"] == (day.month + 2) // 3
        assert row["is_weekend"] == (day.isoweekday() > 5)
        assert row["week_start"] == day - timedelta(days=day.weekday())
        assert row["month_start"] == day.replace(day=1)


def test_rows_that_do_not_add_up_stop_the_run() -> None:
    facts: Facts = ENGAGEMENT
    balanced = _balanced(facts, 3, 10, {"insert": 6, "duplicate": 3, "other": 1}, (6, 0))
    assert (balanced.inserted, balanced.duplicates, balanced.other) == (6, 3, 1)
    with pytest.raises(UnbalancedError, match="fact_engagement, batch 3: 10 rows"):
        _balanced(facts, 3, 10, {"insert": 6, "duplicate": 3, "other": 1}, (5, 0))
    bare = _balanced(facts, 3, 6, {"insert": 6}, (6, 0))
    assert (bare.duplicates, bare.conflicts, bare.other) == (0, 0, 0)
    with pytest.raises(UnbalancedError):
        _balanced(facts, 3, 2, {"replace": 1, "other": 1}, (1, 0))
