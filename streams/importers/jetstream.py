"""Bluesky's Jetstream: each line is a JSON object about one record of one account.

Times: the TID in its record key gives the creation time of a post or repost, because a like, reply
or deletion names only that key; everything else happened at the line's `time_us`. `createdAt` is
ignored, because clients choose it freely.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from streams.contracts.events import Event, PostCreated, PostDeleted, PostEdited
from streams.contracts.ids import EPOCH_MS, id_time
from streams.contracts.validation import MAX_AHEAD_MS
from streams.importers.bluesky_posts import PostFields, post_fields
from streams.importers.identifiers import EventIds, tid_ms
from streams.importers.json_values import JsonObject, as_object, member, parse_object
from streams.importers.link_events import LinkKind, link_event
from streams.importers.mapping import IdentityMap, LinkRecord
from streams.importers.report import Cut, ImportReport, Reason, SkippedError

POST: Final = "app.bsky.feed.post"
LIKE: Final = "app.bsky.feed.like"
REPOST: Final = "app.bsky.feed.repost"
FOLLOW: Final = "app.bsky.graph.follow"
BLOCK: Final = "app.bsky.graph.block"

_LINKS: Final = {LIKE: LinkKind.LIKE, FOLLOW: LinkKind.FOLLOW, BLOCK: LinkKind.BLOCK}
_DID: Final = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]{1,2000}")
_KEY: Final = re.compile(r"[A-Za-z0-9._:~-]{1,512}")
_URI: Final = re.compile(r"at://([^/]+)/([A-Za-z0-9.-]+)/([^/]+)")


class _Commit(NamedTuple):
    """A commit line; `time_us` is split into milliseconds, `at_ms`, and microseconds, `fine`."""

    did: str
    at_ms: int
    fine: int
    operation: str
    collection: str
    key: str
    record: JsonObject

    @property
    def uri(self) -> str:
        return f"at://{self.did}/{self.collection}/{self.key}"


class _PostUri(NamedTuple):
    """A reference to a post."""

    uri: str
    did: str
    key: str


class JetstreamReader:
    """Reader of Jetstream's lines, which it turns into events in the order of the lines.

    Args:
        mapping: Ids of accounts and posts, and the subjects of likes, follows and blocks.
        report: Counts the parts that events leave out.
        now_ms: Returns the present, milliseconds since the Unix epoch; later lines are skipped.
    """

    def __init__(
        self, mapping: IdentityMap, report: ImportReport, now_ms: Callable[[], int]
    ) -> None:
        self._mapping = mapping
        self._report = report
        self._now_ms = now_ms
        self._ids = EventIds()
        self._handlers: dict[tuple[str, str], Callable[[_Commit], Event]] = {
            (POST, "create"): self._post,
            (POST, "update"): self._edit,
            (POST, "delete"): self._delete,
            (REPOST, "create"): self._repost,
            (REPOST, "delete"): self._delete,
            **{(collection, "create"): self._begin for collection in _LINKS},
            **{(collection, "delete"): self._end for collection in _LINKS},
        }
        self._collections = {collection for collection, _ in self._handlers}

    def read(self, raw: bytes) -> tuple[Event, ...]:
        """Return the event of a line. Raises SkippedError."""
        if raw.isspace():
            raise SkippedError(Reason.BLANK, "the line is blank")
        commit = self._commit(parse_object(raw))
        handler = self._handlers.get((commit.collection, commit.operation))
        if handler is not None:
            return (self._ids.identified(handler(commit), commit.fine),)
        if commit.collection in self._collections:
            raise SkippedError(
                Reason.OTHER_OPERATION, f"no event for this operation on {commit.collection}"
            )
        raise SkippedError(Reason.OTHER_COLLECTION, "no event for records of this collection")

    def _commit(self, line: JsonObject) -> _Commit:
        kind = member(line, "kind", str)
        if kind in ("identity", "account"):
            raise SkippedError(Reason(kind), f"no event for a line of kind {kind}")
        if kind != "commit":
            raise SkippedError(Reason.OTHER_KIND, "no event for a line of this kind")
        did = member(line, "did", str)
        if _DID.fullmatch(did) is None:
            raise SkippedError(Reason.MALFORMED, "did: a DID is expected")
        at_ms, fine = divmod(member(line, "time_us", int), 1000)
        self._check_time(at_ms)
        commit = member(line, "commit", dict)
        key = member(commit, "rkey", str)
        if _KEY.fullmatch(key) is None:
            raise SkippedError(Reason.MALFORMED, "commit.rkey: a record key is expected")
        return _Commit(
            did=did,
            at_ms=at_ms,
            fine=fine,
            operation=member(commit, "operation", str),
            collection=member(commit, "collection", str),
            key=key,
            record=as_object(commit.get("record")),
        )

    def _check_time(self, at_ms: int) -> None:
        if at_ms < EPOCH_MS:
            raise SkippedError(Reason.TIME_OUT_OF_RANGE, "time_us is before 2010")
        if at_ms > self._now_ms():
            raise SkippedError(Reason.FUTURE, "time_us is in the future")

    def _post(self, commit: _Commit) -> Event:
        fields = self._fields(commit)
        parent = self._parent(commit.record)
        post_id = self._created(commit)
        return PostCreated(
            event_id=0,
            occurred_at=id_time(post_id),
            author_id=self._mapping.user(commit.did),
            post_id=post_id,
            text=fields.text,
            hashtags=fields.hashtags,
            media=fields.media,
            reply_to=self._content(parent, commit) if parent else None,
            reply_to_author=self._mapping.user(parent.did) if parent else None,
        )

    def _edit(self, commit: _Commit) -> Event:
        fields = self._fields(commit)
        return PostEdited(
            event_id=0,
            occurred_at=commit.at_ms,
            author_id=self._mapping.user(commit.did),
            post_id=self._created(commit),
            text=fields.text,
            hashtags=fields.hashtags,
            media=fields.media,
        )

    def _delete(self, commit: _Commit) -> Event:
        post_id = self._mapping.dated(commit.uri)
        if post_id is None:
            at_ms = _credible_time(commit.key, commit.at_ms)
            if at_ms is None:
                raise SkippedError(
                    Reason.UNKNOWN_RECORD, "the deleted record was never seen and has no time"
                )
            post_id = self._mapping.content(commit.uri, at_ms)
        return PostDeleted(
            event_id=0,
            occurred_at=commit.at_ms,
            author_id=self._mapping.user(commit.did),
            post_id=post_id,
        )

    def _repost(self, commit: _Commit) -> Event:
        subject = _subject_post(commit.record)
        post_id = self._created(commit)
        return PostCreated(
            event_id=0,
            occurred_at=id_time(post_id),
            author_id=self._mapping.user(commit.did),
            post_id=post_id,
            text="",
            repost_of=self._content(subject, commit),
            repost_of_author=self._mapping.user(subject.did),
        )

    def _begin(self, commit: _Commit) -> Event:
        link = self._liked(commit) if commit.collection == LIKE else self._named(commit)
        self._mapping.remember(commit.uri, link)
        user = self._mapping.user(commit.did)
        return link_event(_LINKS[commit.collection], commit.at_ms, user, link)

    def _end(self, commit: _Commit) -> Event:
        link = self._mapping.recall(commit.uri)
        if link is None:
            raise SkippedError(
                Reason.UNKNOWN_RECORD,
                "the deleted record was never seen: nothing names its subject",
            )
        user = self._mapping.user(commit.did)
        return link_event(_LINKS[commit.collection], commit.at_ms, user, link, ended=True)

    def _fields(self, commit: _Commit) -> PostFields:
        return post_fields(commit.did, commit.record, self._report)

    def _created(self, commit: _Commit) -> int:
        """Return the id of the content that the commit creates or edits."""
        dated = self._mapping.dated(commit.uri)
        if dated is not None:
            return dated
        at_ms = _credible_time(commit.key, commit.at_ms)
        if at_ms is None:
            return self._mapping.date(commit.uri, commit.at_ms)
        return self._mapping.content(commit.uri, at_ms)

    def _content(self, post: _PostUri, commit: _Commit) -> int:
        """Return the id of a post that the commit refers to, whether it was seen or not."""
        dated = self._mapping.dated(post.uri)
        if dated is not None:
            return dated
        at_ms = _credible_time(post.key, commit.at_ms)
        if at_ms is None:
            self._report.cut(Cut.CONTENT_TIME)
            return self._mapping.timeless(post.uri)
        return self._mapping.content(post.uri, at_ms)

    def _parent(self, record: JsonObject) -> _PostUri | None:
        """Return the post that the record answers, or `None` if it answers none."""
        reply = record.get("reply")
        if reply is None:
            return None
        parent = member(member(record, "reply", dict), "parent", dict)
        return _post_uri(member(parent, "uri", str))

    def _liked(self, commit: _Commit) -> LinkRecord:
        """Return the post that a like is about."""
        subject = _subject_post(commit.record)
        content = self._content(subject, commit)
        return LinkRecord(LIKE, content, self._mapping.user(subject.did))

    def _named(self, commit: _Commit) -> LinkRecord:
        """Return the user that a follow or block is about."""
        subject = member(commit.record, "subject", str)
        if _DID.fullmatch(subject) is None:
            raise SkippedError(Reason.MALFORMED, "record.subject: a DID is expected")
        if subject == commit.did:
            itself = Reason.SELF_FOLLOW if commit.collection == FOLLOW else Reason.SELF_BLOCK
            raise SkippedError(itself, "the account names itself")
        user = self._mapping.user(subject)
        return LinkRecord(commit.collection, user, user)


def _credible_time(key: str, seen_ms: int) -> int | None:
    """Return the time in a record key, milliseconds since the Unix epoch.

    The result is `None` if the key is no TID, or if its time is before 2010 or more than 5 minutes
    after the line that names it: clients choose keys, too.
    """
    at_ms = tid_ms(key)
    if at_ms is None or not EPOCH_MS <= at_ms <= seen_ms + MAX_AHEAD_MS:
        return None
    return at_ms


def _subject_post(record: JsonObject) -> _PostUri:
    return _post_uri(member(member(record, "subject", dict), "uri", str))


def _post_uri(uri: str) -> _PostUri:
    parts = _URI.fullmatch(uri)
    if parts is None or not _DID.fullmatch(parts[1]) or not _KEY.fullmatch(parts[3]):
        raise SkippedError(Reason.MALFORMED, "uri: at://DID/COLLECTION/KEY is expected")
    if parts[2] != POST:
        raise SkippedError(Reason.SUBJECT_NOT_POST, f"it is about a record of {parts[2][:100]}")
    return _PostUri(uri, parts[1], parts[3])
