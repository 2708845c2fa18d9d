"""Explanation of why a post is in a home feed or not, with its events, for `storyline explain`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from streams.contracts.codec import SchemaLookup
from streams.contracts.events import PostCreated
from streams.contracts.json_codec import to_json
from streams.serving.feed.explain import Explanation, explain
from streams.serving.feed.visibility_rules import original_authors
from streams.serving.read_side import ReadSide
from streams.verification.feed_events import FeedEvents, FoundEvents, LoggedEvent
from streams.verification.log_scan import ProgressReporter, ScannedLog


class ExplainedPost(NamedTuple):
    """Explanation of a post's place in a home feed, and the log's events about it."""

    why: Explanation
    found: FoundEvents


def answer(
    side: ReadSide,
    log: ScannedLog,
    lookup: SchemaLookup,
    reader: int,
    post_id: int,
    reporter: ProgressReporter,
) -> ExplainedPost:
    """Explain why a post is in a reader's home feed or not, and find the events that led to it.

    Args:
        side: Stores that serve the feed.
        log: Log to search for the events.
        lookup: Schemas of the log's records.
        reader: User id of the reader.
        post_id: Id of the post.
        reporter: Receives the progress of the search.

    Raises:
        UserError: The broker does not answer.
        RegistryUnavailableError: The schema registry cannot answer now.
        StoreUnavailableError: The store of the views cannot answer now.
    """
    why = explain(side.views, side.caches, reader, post_id)
    search = FeedEvents(log, lookup, reporter)
    search.post(post_id, why.author_id)
    # If the views do not have the post, the log may: the worker lags, or the record was refused.
    post = side.views.rows.posts([post_id]).get(post_id) or _created(search.found)
    if post is not None:
        search.relations(reader, post.author_id, original_authors(post))
        search.tiers(post.author_id)
    return ExplainedPost(why, search.found)


def answer_json(explained: ExplainedPost) -> dict[str, Any]:
    """Return the explanation as JSON: ids are strings, events have their usual JSON form."""
    why, timeline = explained.why, explained.why.timeline
    return {
        "reader_id": str(why.reader_id),
        "post_id": str(why.post_id),
        "author_id": _id(why.author_id),
        "in_feed": why.in_feed,
        "way": why.path,
        "rules": list(why.rules),
        "fault": why.defect,
        "is_pulled": why.is_pulled,
        "timeline": {
            "state": timeline.state,
            "floor": _id(timeline.floor),
            "entries": timeline.entries,
            "holds_post": timeline.holds_post,
        },
        "events": [logged_json(logged) for logged in explained.found],
        "partitions_read": [f"{topic}:{number}" for topic, number in explained.found.partitions],
    }


def logged_json(logged: LoggedEvent) -> Mapping[str, Any]:
    """Return the event as JSON with its position and, if it was refused, the reason."""
    shown: dict[str, Any] = {**logged.position._asdict(), "event": to_json(logged.event)}
    if logged.refused is not None:
        shown["error"] = {"code": logged.refused[0], "message": logged.refused[1]}
    return shown


def _id(number: int | None) -> str | None:
    return None if number is None else str(number)


def _created(found: FoundEvents) -> PostCreated | None:
    creates = (logged.event for logged in found.post if isinstance(logged.event, PostCreated))
    return next(creates, None)
