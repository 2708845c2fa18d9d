"""Events of one author with one stamp: dimensions follow the rules of the views."""

from typing import Any

from pyspark.sql import SparkSession

from jobs.transforms.posts import posts
from jobs.transforms.stories import stories
from streams.contracts.ids import make_id
from tests.oracle import content
from tests.oracle.validity import Event
from tests.unit.jobs.test_lake_transforms import AT, frame, told

AUTHOR = 1


def of(kind: str, key: str, one: int, event_id: int, at: int = AT, **fields: Any) -> Event:
    event = {"type": kind, "event_id": event_id, "occurred_at": at, "author_id": AUTHOR, key: one}
    return event | fields


def story(one: int, *marks: tuple[str, int, int, str | None]) -> list[Event]:
    """A story and its highlight events: (kind, event id, time, title)."""
    shown: dict[str, Any] = {"media_url": "u", "caption": "c", "expires_at": AT + 99}
    events = [of("StoryCreated", "story_id", one, make_id(AT) + one, **shown)]
    for kind, event_id, at, title in marks:
        events.append(
            of(kind, "story_id", one, event_id, at, **({"title": title} if title else {}))
        )
    return events


def test_highlight_and_removal_with_one_stamp_and_the_order_of_stamps(spark: SparkSession) -> None:
    added, removed = "HighlightAdded", "HighlightRemoved"
    events = [
        *story(1, (added, 5, AT, "z"), (removed, 5, AT, None)),
        *story(2, (added, 6, AT, "a"), (removed, 5, AT, None)),
        *story(3, (added, 5, AT, "a"), (removed, 6, AT, None)),
        *story(4, (added, 5, AT + 1, "a"), (removed, 6, AT, None)),
        *story(5, (added, 5, AT, "a"), (added, 6, AT, "b"), (added, 4, AT, "c")),
        *story(6),
    ]
    want = content.stories(events)
    assert {one: row["highlight_title"] for one, row in want.items()} == {
        1: None,
        2: "a",
        3: None,
        4: "a",
        5: "b",
        6: None,
    }
    for order in (events, events[::-1]):
        rows = stories(frame(spark, "social.stories.v1", order)).collect()
        found = {row["story_id"]: row.asDict() for row in rows}
        assert {one: told(found[one], want[one]) for one in found} == want


def test_edits_and_creates_with_one_time(spark: SparkSession) -> None:
    def post(one: int, kind: str, event_id: int, at: int, text: str) -> Event:
        return of(kind, "post_id", one, event_id, at, text=text, hashtags=[text], media=[])

    events = [
        post(1, "PostCreated", 9, AT, "made"),
        post(1, "PostEdited", 5, AT, "z"),
        post(1, "PostEdited", 6, AT, "a"),
        post(2, "PostCreated", 9, AT, "later id"),
        post(2, "PostCreated", 8, AT + 5, "sooner id"),
        post(3, "PostCreated", 9, AT, "made"),
        post(3, "PostEdited", 5, AT + 1, "a"),
        post(3, "PostEdited", 6, AT, "z"),
    ]
    want = content.posts(events)
    assert {one: row["text"] for one, row in want.items()} == {1: "a", 2: "sooner id", 3: "a"}
    rows = posts(frame(spark, "social.posts.v1", events)).collect()
    found = {row["post_id"]: row.asDict() for row in rows}
    assert {one: told(found[one], want[one]) for one in found} == want
