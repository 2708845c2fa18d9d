"""ActivityPub outboxes: collections of activities, such as a Mastodon archive's `outbox.json`.

Outboxes are read twice: the first pass records the times of notes and the contents of activities,
because other activities name them only by their URI.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import urljoin

from streams.contracts.events import Event, PostCreated, PostDeleted, PostEdited
from streams.contracts.ids import EPOCH_MS, id_time
from streams.contracts.times import DAY_MS
from streams.contracts.validation import MAX_AHEAD_MS
from streams.importers.activity_values import (
    attachment_url,
    check_public,
    instant,
    object_list,
    public_note,
    reference,
    required,
)
from streams.importers.html_text import plain_text
from streams.importers.identifiers import EventIds, status_ms
from streams.importers.json_values import JsonObject, as_object
from streams.importers.link_events import LinkKind, link_event
from streams.importers.mapping import IdentityMap, LinkRecord
from streams.importers.post_fields import limited_hashtags, limited_media, limited_text
from streams.importers.report import Cut, ImportReport, Reason, SkippedError

_LINKS: Final = {"Like": LinkKind.LIKE, "Follow": LinkKind.FOLLOW, "Block": LinkKind.BLOCK}
_AUTHOR: Final = re.compile(r"(https?://[^/]+/(?:ap/)?users/[^/]+)/statuses/[^/]+/?")
_NEAR_MS: Final = DAY_MS
"""Largest distance, in milliseconds, of the time in a status URI from `published`."""


class _Known(NamedTuple):
    """A note of the first pass: its time, and the actor who published it."""

    published_ms: int
    author: str | None


class OutboxReader:
    """Reader of the entries of outboxes, which it turns into events.

    Args:
        mapping: Ids of actors and notes, and the subjects of likes, follows and blocks.
        report: Counts the parts that events leave out.
        now_ms: Returns the present, milliseconds since the Unix epoch; later activities are
            skipped.
    """

    def __init__(
        self, mapping: IdentityMap, report: ImportReport, now_ms: Callable[[], int]
    ) -> None:
        self._mapping = mapping
        self._report = report
        self._now_ms = now_ms
        self._ids = EventIds()
        self._notes: dict[str, _Known] = {}
        self._activities: dict[str, JsonObject] = {}
        self._handlers: dict[str, Callable[[JsonObject, str], Event]] = {
            "Create": self._create,
            "Update": self._update,
            "Delete": self._delete,
            "Announce": self._announce,
            **dict.fromkeys(_LINKS, self._begin),
            "Undo": self._undo,
        }

    def learn(self, value: object) -> None:
        """Remember the parts of an entry that other entries may refer to."""
        activity = as_object(value)
        uri = activity.get("id")
        if isinstance(uri, str) and activity.get("type") in ("Like", "Follow", "Block", "Announce"):
            kept = ("id", "type", "actor", "object", "published")
            self._activities[uri] = {name: activity[name] for name in kept if name in activity}
        note = as_object(activity.get("object"))
        note_uri = note.get("id")
        if activity.get("type") == "Create" and isinstance(note_uri, str):
            at_ms = instant(note.get("published")) or instant(activity.get("published"))
            if at_ms is not None:
                author = reference(note.get("attributedTo")) or reference(activity.get("actor"))
                self._notes[note_uri] = _Known(at_ms, author)

    def read(self, value: object) -> tuple[Event, ...]:
        """Return the event of an entry. Raises SkippedError."""
        if isinstance(value, str):
            raise SkippedError(Reason.BARE_REFERENCE, "the entry is only a URI")
        if not isinstance(value, dict):
            raise SkippedError(Reason.MALFORMED, "an activity is expected")
        kind = value.get("type")
        handler = self._handlers.get(kind) if isinstance(kind, str) else None
        if handler is None:
            reason = Reason.OTHER_ACTIVITY if isinstance(kind, str) else Reason.MALFORMED
            raise SkippedError(reason, "no event for an activity of this type")
        actor = reference(value.get("actor"))
        if actor is None:
            raise SkippedError(Reason.MALFORMED, "actor: a URI is expected")
        # Times are whole seconds in most outboxes: an activity comes before the one that undoes it.
        return (self._ids.identified(handler(value, actor), int(kind == "Undo")),)

    def _create(self, activity: JsonObject, actor: str) -> Event:
        note, uri = public_note(activity, actor)
        post_id = self._created(uri, self._time(note, activity))
        parent = note.get("inReplyTo")
        parent_uri = None if parent is None else required(parent, "inReplyTo")
        author = self._author(parent_uri) if parent_uri else None
        return PostCreated(
            event_id=0,
            occurred_at=id_time(post_id),
            author_id=self._mapping.user(actor),
            post_id=post_id,
            text=self._text(note),
            hashtags=self._hashtags(note),
            media=self._media(note, actor),
            reply_to=self._content(parent_uri, id_time(post_id)) if parent_uri else None,
            reply_to_author=self._mapping.user(author) if author else None,
        )

    def _update(self, activity: JsonObject, actor: str) -> Event:
        note, uri = public_note(activity, actor)
        at_ms = self._time(activity, {"published": note.get("updated")})
        return PostEdited(
            event_id=0,
            occurred_at=at_ms,
            author_id=self._mapping.user(actor),
            post_id=self._content(uri, at_ms),
            text=self._text(note),
            hashtags=self._hashtags(note),
            media=self._media(note, actor),
        )

    def _delete(self, activity: JsonObject, actor: str) -> Event:
        uri = required(activity.get("object"), "object")
        if uri == actor:
            raise SkippedError(Reason.ACCOUNT, "no event for the deletion of an account")
        tombstone = {"published": as_object(activity.get("object")).get("deleted")}
        at_ms = self._time(activity, tombstone)
        return PostDeleted(
            event_id=0,
            occurred_at=at_ms,
            author_id=self._mapping.user(actor),
            post_id=self._seen(uri, at_ms),
        )

    def _announce(self, activity: JsonObject, actor: str) -> Event:
        check_public(activity)
        uri = required(activity.get("id"), "id")
        target = required(activity.get("object"), "object")
        post_id = self._created(uri, self._time(activity, {}))
        author = self._author(target) or reference(
            as_object(activity.get("object")).get("attributedTo")
        )
        return PostCreated(
            event_id=0,
            occurred_at=id_time(post_id),
            author_id=self._mapping.user(actor),
            post_id=post_id,
            text="",
            repost_of=self._content(target, id_time(post_id)),
            repost_of_author=self._mapping.user(author) if author else None,
        )

    def _begin(self, activity: JsonObject, actor: str) -> Event:
        at_ms = self._time(activity, {})
        link = self._link(activity, actor, at_ms)
        uri = reference(activity.get("id"))
        if uri is not None:
            self._mapping.remember(uri, link)
        return link_event(_LINKS[link.kind], at_ms, self._mapping.user(actor), link)

    def _undo(self, activity: JsonObject, actor: str) -> Event:
        at_ms = self._time(activity, {})
        link = self._undone(activity, actor, at_ms)
        user = self._mapping.user(actor)
        if link.kind == "Announce":
            return PostDeleted(event_id=0, occurred_at=at_ms, author_id=user, post_id=link.target)
        return link_event(_LINKS[link.kind], at_ms, user, link, ended=True)

    def _undone(self, activity: JsonObject, actor: str, at_ms: int) -> LinkRecord:
        """Return the subject of the undone activity, as embedded, as learned, or as remembered."""
        uri = required(activity.get("object"), "object")
        undone = as_object(activity.get("object"))
        if "type" not in undone:
            undone = self._activities.get(uri, {})
        if not undone:
            link = self._mapping.recall(uri)
            if link is None:
                raise SkippedError(Reason.UNKNOWN_RECORD, "the undone activity was never seen")
            return link
        if reference(undone.get("actor")) not in (None, actor):
            raise SkippedError(Reason.NOT_OWN, "the undone activity is another actor's")
        if undone.get("type") == "Announce":
            return LinkRecord("Announce", self._seen(uri, at_ms), self._mapping.user(actor))
        return self._link(undone, actor, at_ms)

    def _link(self, activity: JsonObject, actor: str, at_ms: int) -> LinkRecord:
        """Return the subject of a like, follow or block. Raises SkippedError."""
        match activity.get("type"):
            case "Like":
                return self._liked(activity, at_ms)
            case "Follow":
                return self._named(activity, actor, Reason.SELF_FOLLOW)
            case "Block":
                return self._named(activity, actor, Reason.SELF_BLOCK)
        raise SkippedError(Reason.OTHER_ACTIVITY, "no event undoes an activity of this type")

    def _liked(self, like: JsonObject, at_ms: int) -> LinkRecord:
        uri = required(like.get("object"), "object")
        author = self._author(uri) or reference(as_object(like.get("object")).get("attributedTo"))
        if author is None:
            raise SkippedError(
                Reason.AUTHOR_UNKNOWN, "the liked content was never seen, its URI names no author"
            )
        return LinkRecord("Like", self._content(uri, at_ms), self._mapping.user(author))

    def _named(self, activity: JsonObject, actor: str, itself: Reason) -> LinkRecord:
        """Return the user that a follow or block is about."""
        named = required(activity.get("object"), "object")
        if named == actor:
            raise SkippedError(itself, "the actor names itself")
        user = self._mapping.user(named)
        return LinkRecord(str(activity["type"]), user, user)

    def _time(self, first: JsonObject, second: JsonObject) -> int:
        """Return `published` of the first object that has it, milliseconds since the Unix epoch."""
        written = first.get("published") or second.get("published")
        if written is None:
            raise SkippedError(Reason.NO_TIME, "published is missing")
        at_ms = instant(written)
        if at_ms is None:
            raise SkippedError(Reason.MALFORMED, "published: an RFC 3339 time is expected")
        if at_ms < EPOCH_MS:
            raise SkippedError(Reason.TIME_OUT_OF_RANGE, "published is before 2010")
        if at_ms > self._now_ms():
            raise SkippedError(Reason.FUTURE, "published is in the future")
        return at_ms

    def _created(self, uri: str, published_ms: int) -> int:
        """Return the id of the content that an activity creates."""
        dated = self._mapping.dated(uri)
        if dated is not None:
            return dated
        at_ms = status_ms(uri)
        if at_ms is None or at_ms < EPOCH_MS or abs(at_ms - published_ms) > _NEAR_MS:
            return self._mapping.date(uri, published_ms)
        return self._mapping.content(uri, at_ms)

    def _found(self, uri: str, seen_ms: int) -> int | None:
        """Return the id of a content that an activity refers to; `None` if its time is unknown."""
        dated = self._mapping.dated(uri)
        if dated is not None:
            return dated
        known = self._notes.get(uri) or self._announced(uri)
        if known is not None and EPOCH_MS <= known.published_ms <= self._now_ms():
            return self._created(uri, known.published_ms)
        at_ms = status_ms(uri)
        if at_ms is None or not EPOCH_MS <= at_ms <= seen_ms + MAX_AHEAD_MS:
            return None
        return self._mapping.content(uri, at_ms)

    def _announced(self, uri: str) -> _Known | None:
        activity = self._activities.get(uri, {})
        at_ms = instant(activity.get("published"))
        return None if at_ms is None else _Known(at_ms, reference(activity.get("actor")))

    def _content(self, uri: str, seen_ms: int) -> int:
        """Return the id of a content that an activity refers to, whether it was seen or not."""
        found = self._found(uri, seen_ms)
        if found is None:
            self._report.cut(Cut.CONTENT_TIME)
            return self._mapping.timeless(uri)
        return found

    def _seen(self, uri: str, seen_ms: int) -> int:
        """Return the id of a content that is deleted. Raises SkippedError if it is unknown."""
        found = self._found(uri, seen_ms)
        if found is None:
            raise SkippedError(
                Reason.UNKNOWN_RECORD, "the deleted content was never seen and has no time"
            )
        return found

    def _author(self, uri: str) -> str | None:
        """Return the actor who published a content, if it was seen or its URI says so."""
        known = self._notes.get(uri)
        if known is not None:
            return known.author
        found = _AUTHOR.fullmatch(uri)
        return found[1] if found else None

    def _text(self, note: JsonObject) -> str:
        """Return the title, the content warning and the content, separated by blank lines."""
        content = note.get("content") or ""
        if not isinstance(content, str):
            raise SkippedError(Reason.MALFORMED, "object.content: a string is expected")
        try:
            parts = [_plain(note.get("name")), _plain(note.get("summary")), plain_text(content)]
        except AssertionError:  # what html.parser raises for a marked section that it does not know
            raise SkippedError(Reason.MALFORMED, "object.content is not readable HTML") from None
        return limited_text("\n\n".join(filter(None, parts)), self._report)

    def _hashtags(self, note: JsonObject) -> tuple[str, ...]:
        names = (
            tag.get("name") for tag in object_list(note.get("tag")) if tag.get("type") == "Hashtag"
        )
        return limited_hashtags((name for name in names if isinstance(name, str)), self._report)

    def _media(self, note: JsonObject, actor: str) -> tuple[str, ...]:
        urls = (attachment_url(attached) for attached in object_list(note.get("attachment")))
        try:
            return limited_media([urljoin(actor, url) for url in urls if url], self._report)
        except ValueError:
            raise SkippedError(Reason.MALFORMED, "attachment.url: a URL is expected") from None


def _plain(value: object) -> str:
    return plain_text(value) if isinstance(value, str) else ""
