"""Events made of recorded interactions: real people, real times, real bursts.

Follows are not recorded: a user who acts on another user follows that user from half a second
before. A retweet becomes a repost, a mention a post that names the other, a reply a comment; each
is about the other's newest post so far, or about one made for the other a second earlier.
Every id is computed from the number of its line, so loading twice gives the same events. Texts
are made up: the recording has none.
"""

import heapq
from collections.abc import Iterable, Iterator

from streams.contracts.events import (
    CommentCreated,
    ContentKind,
    Event,
    PostCreated,
    UserFollowed,
)
from streams.contracts.ids import MAX_NODE, MAX_SEQUENCE, first_id_at, id_time, make_id
from streams.errors import UserError
from streams.generate.interactions import Act, Interaction

_SECOND_MS = 1000
_FOLLOW_EARLIER_MS = 500
_TAG = "Higgs"
_NODES = range(1001, MAX_NODE)  # reserved for generators
_FOLLOW, _MADE, _MADE_POST, _CREATED, _ACTION = range(5)  # what a line needs ids for
_ROLES = 5
_PER_MS = len(_NODES) * (MAX_SEQUENCE + 1)
MOST_LINES = _FOLLOW_EARLIER_MS * _PER_MS // _ROLES


def events_of(interactions: Iterable[Interaction]) -> Iterator[Event]:
    """Yield the events of interactions, ascending in event id.

    The interactions must be in time order. Raises UserError after `MOST_LINES` lines.
    """
    loader = _Loader()
    waiting: list[tuple[int, Event]] = []
    for interaction in interactions:
        settled = first_id_at(interaction.at_ms - _SECOND_MS)
        while waiting and waiting[0][0] < settled:
            yield heapq.heappop(waiting)[1]
        for event in loader.events(interaction):
            heapq.heappush(waiting, (event.event_id, event))
    while waiting:
        yield heapq.heappop(waiting)[1]


def _id(at_ms: int, line: int, role: int) -> int:
    """Return the id for one role of a line at a whole or half second: unique, ascending by line.

    Lines of one second share its first milliseconds, so the counter runs over sequence, generator
    node and up to 499 milliseconds.
    """
    if line > MOST_LINES:
        raise UserError(f"more than {MOST_LINES:,} lines do not fit the ids of a second")
    ms, rest = divmod((line - 1) * _ROLES + role, _PER_MS)
    node, sequence = divmod(rest, MAX_SEQUENCE + 1)
    return make_id(at_ms + ms, _NODES[node], sequence)


class _Loader:
    """State of a load: the follows so far, and each user's newest post."""

    def __init__(self) -> None:
        self._pairs: set[int] = set()
        self._newest: dict[int, int] = {}

    def events(self, act: Interaction) -> Iterator[Event]:
        """Yield the one to three events of an interaction, not yet in order."""
        if act.user != act.other and self._first(act):
            yield _followed(act)
        target = self._newest.get(act.other)
        if target is None:
            made = _made(act)
            target = self._newest[act.other] = made.post_id
            yield made
        if act.act is Act.REPLY:
            yield _commented(act, target)
            return
        post = _posted(act, target)
        if act.act is Act.MENTION:
            self._newest[act.user] = post.post_id
        yield post

    def _first(self, act: Interaction) -> bool:
        pair = act.user << 64 | act.other
        if pair in self._pairs:
            return False
        self._pairs.add(pair)
        return True


def _followed(act: Interaction) -> UserFollowed:
    at_ms = act.at_ms - _FOLLOW_EARLIER_MS
    event_id = _id(at_ms, act.line, _FOLLOW)
    return UserFollowed(
        event_id=event_id, occurred_at=id_time(event_id), follower_id=act.user,
        followee_id=act.other,
    )  # fmt: skip


def _made(act: Interaction) -> PostCreated:
    """Return a post by `other` for the line to be about."""
    at_ms = act.at_ms - _SECOND_MS
    post_id = _id(at_ms, act.line, _MADE)
    return PostCreated(
        event_id=_id(at_ms, act.line, _MADE_POST), occurred_at=id_time(post_id),
        author_id=act.other, post_id=post_id, text=f"Is this it? #{_TAG}", hashtags=(_TAG,),
    )  # fmt: skip


def _posted(act: Interaction, target: int) -> PostCreated:
    created = _id(act.at_ms, act.line, _CREATED)
    event_id, at_ms = _id(act.at_ms, act.line, _ACTION), id_time(created)
    if act.act is Act.RETWEET:
        return PostCreated(
            event_id=event_id, occurred_at=at_ms, author_id=act.user, post_id=created, text="",
            repost_of=target, repost_of_author=act.other,
        )  # fmt: skip
    return PostCreated(
        event_id=event_id, occurred_at=at_ms, author_id=act.user, post_id=created,
        text=f"@{act.other} #{_TAG}", hashtags=(_TAG,), reply_to=target,
        reply_to_author=act.other,
    )  # fmt: skip


def _commented(act: Interaction, target: int) -> CommentCreated:
    created = _id(act.at_ms, act.line, _CREATED)
    return CommentCreated(
        event_id=_id(act.at_ms, act.line, _ACTION), occurred_at=id_time(created),
        user_id=act.user, comment_id=created, content_kind=ContentKind.POST, content_id=target,
        owner_id=act.other, text=f"@{act.other}",
    )  # fmt: skip
