"""The judge of the views: what every answer must be, folded from the events in plain dicts.

It shares no code with the product and imports only the standard library, so that both can be
wrong only for different reasons. Each rule restates one sentence of the contract ("The views" in
docs), and nothing here is fast. Events are dicts in the contract's JSON form, ids as ints and
times as milliseconds; order and repetition do not matter. Users of this module never need to
filter: events that the pipeline must refuse are left out of the fold.

Where the contract says nothing, a comment that begins with CHOICE says what was taken.
"""

import math
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from tests.oracle.validity import CREATES, Event, id_time, refusals

Answer = dict[str, Any]

ENDING = {"UserUnfollowed", "ContentUnliked", "UserBlocked", "UserMuted", "HighlightRemoved"}
POST_FIELDS = ("post_id", "author_id", "text", "hashtags", "media", "reply_to", "repost_of")
HOUR = 3_600_000
STORY_FIELDS = ("story_id", "author_id", "media_url", "caption", "expires_at")
COMMENT_FIELDS = ("comment_id", "content_id", "user_id", "text", "reply_to")
LEFT_OUT: Event = {
    "hashtags": [],
    "media": [],
    **dict.fromkeys(("reply_to", "reply_to_author", "repost_of", "repost_of_author")),
}


def stamp(event: Event) -> tuple[int, int, bool]:
    """The later stamp wins; where time and id are equal, the ending event does."""
    return event["occurred_at"], event["event_id"], event["type"] in ENDING


def tag_key(tag: str) -> str:
    """NFKC(casefold(NFKC(tag))) without leading '#'.

    CHOICE: every leading '#' goes, and it goes last, so that a full-width '＃' counts as one.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", tag).casefold())
    return folded.lstrip("#")


def tag_keys(event: Event) -> set[str]:
    """The keys an event's hashtags stand for; an empty key is dropped."""
    return {tag_key(tag) for tag in event["hashtags"]} - {""}


class Oracle:
    """Every view, as of all the events given; `None` is the answer 'not found'."""

    def __init__(self, events: Iterable[Event]) -> None:
        # What stands, each by the key that its events share.
        self._created: dict[str, dict[int, Event]] = {kind: {} for kind in CREATES}
        self._creates: dict[tuple[str, int], set[int]] = defaultdict(set)
        self._edit: dict[tuple[int, int], Event] = {}  # (post, who says so)
        self._deleted: set[tuple[str, int, int]] = set()  # (type, content, who says so)
        self._comment_deleted: set[tuple[int, int, int]] = set()  # (comment, content, user)
        self._highlight: dict[tuple[int, int], Event] = {}  # (story, who says so)
        self._follow: dict[tuple[int, int], Event] = {}  # (follower, followee)
        self._block: dict[tuple[int, int], Event] = {}  # (who acts, target)
        self._mute: dict[tuple[int, int], Event] = {}
        self._like: dict[int, dict[int, Event]] = defaultdict(dict)  # content -> user
        self._view: dict[int, dict[int, int]] = defaultdict(dict)  # content -> viewer -> first
        self._tier: dict[int, Event] = {}
        for event in events:
            if not refusals(event):
                self._fold(LEFT_OUT | event)
        self._index()

    def _fold(self, event: Event) -> None:
        match event["type"]:
            case "PostCreated" | "StoryCreated" | "CommentCreated" as kind:
                # Of two creates of one id, whoever the author, the smaller event_id counts.
                content = event[CREATES[kind]]
                self._creates[kind, content].add(event["event_id"])
                standing = self._created[kind].get(content, event)
                self._created[kind][content] = min(event, standing, key=lambda e: e["event_id"])
            case "PostEdited":
                _later(self._edit, (event["post_id"], event["author_id"]), event)
            case "PostDeleted":
                self._deleted.add(("PostCreated", event["post_id"], event["author_id"]))
            case "StoryDeleted":
                self._deleted.add(("StoryCreated", event["story_id"], event["author_id"]))
            case "CommentDeleted":
                self._comment_deleted.add(
                    (event["comment_id"], event["content_id"], event["user_id"])
                )
            case "HighlightAdded" | "HighlightRemoved":
                _later(self._highlight, (event["story_id"], event["author_id"]), event)
            case "UserFollowed" | "UserUnfollowed":
                _later(self._follow, (event["follower_id"], event["followee_id"]), event)
            case "UserBlocked":
                # A block writes 'not following' into both directions, with its own stamp.
                _later(self._block, (event["user_id"], event["target_id"]), event)
                _later(self._follow, (event["user_id"], event["target_id"]), event)
                _later(self._follow, (event["target_id"], event["user_id"]), event)
            case "UserUnblocked":
                # Lifting a block restores no follow.
                _later(self._block, (event["user_id"], event["target_id"]), event)
            case "UserMuted" | "UserUnmuted":
                _later(self._mute, (event["user_id"], event["target_id"]), event)
            case "ContentLiked" | "ContentUnliked":
                # content_id alone says which content; content_kind and owner_id do not matter.
                _later(self._like[event["content_id"]], event["user_id"], event)
            case "ContentViewed":
                # The owner's own views do not count: the owner whom the event itself names.
                if event["user_id"] != event["owner_id"]:
                    firsts = self._view[event["content_id"]]
                    first = firsts.get(event["user_id"], event["occurred_at"])
                    firsts[event["user_id"]] = min(first, event["occurred_at"])
            case "AuthorTierChanged":
                _later(self._tier, event["author_id"], event)
            case "StoryExpired":
                pass  # no view depends on it
            case other:
                raise ValueError(f"no such event: {other}")

    def _index(self) -> None:
        self._posts_by: dict[int, list[int]] = defaultdict(list)
        self._posts_tagged: dict[str, list[int]] = defaultdict(list)
        self._reposts: dict[int, list[int]] = defaultdict(list)
        for post_id in sorted(self._created["PostCreated"], reverse=True):
            if self.post(post_id) is not None:
                create = self._created["PostCreated"][post_id]
                self._posts_by[create["author_id"]].append(post_id)
                for tag in tag_keys(self._current(post_id)):
                    self._posts_tagged[tag].append(post_id)
                if create["repost_of"] is not None:
                    self._reposts[create["repost_of"]].append(post_id)
        self._stories_by: dict[int, list[Event]] = defaultdict(list)
        for story_id, create in sorted(self._created["StoryCreated"].items()):
            if self._is_live("StoryCreated", story_id):
                self._stories_by[create["author_id"]].append(create)
        self._comments_on: dict[int, list[Event]] = defaultdict(list)
        for comment_id, create in sorted(self._created["CommentCreated"].items()):
            if self._is_live("CommentCreated", comment_id):
                self._comments_on[create["content_id"]].append(create)
        self._following: dict[int, set[int]] = defaultdict(set)
        self._followers: dict[int, set[int]] = defaultdict(set)
        for (follower, followee), event in self._follow.items():
            if event["type"] == "UserFollowed":
                self._following[follower].add(followee)
                self._followers[followee].add(follower)

    # Content as it stands.

    def _is_live(self, kind: str, content_id: int) -> bool:
        """Created, and not deleted by someone who may: deleting wins for ever, in any order."""
        create = self._created[kind].get(content_id)
        if create is None:
            return False
        if kind == "CommentCreated":
            # The comment's writer or the content's owner, with the comment's own content_id.
            return not any(
                (content_id, create["content_id"], user) in self._comment_deleted
                for user in (create["user_id"], create["owner_id"])
            )
        return (kind, content_id, create["author_id"]) not in self._deleted

    def _owners(self, content_id: int) -> list[int]:
        """Who made it, as its create says; nobody where it is deleted or unknown.

        The id alone says which content is meant, so every kind is looked through.
        """
        return [
            self._created[kind][content_id]["user_id" if kind == "CommentCreated" else "author_id"]
            for kind in CREATES
            if self._is_live(kind, content_id)
        ]

    def _current(self, post_id: int) -> Event:
        """The last edit by the post's own author, whatever its time, else the create."""
        create = self._created["PostCreated"][post_id]
        return self._edit.get((post_id, create["author_id"]), create)

    def post(self, post_id: int | None) -> Answer | None:
        """The post as it stands, without its originals."""
        if post_id is None or not self._is_live("PostCreated", post_id):
            return None
        create, current = self._created["PostCreated"][post_id], self._current(post_id)
        edit = _fields(current, ("text", "hashtags", "media"))
        return _fields(create, POST_FIELDS) | edit | {"edited": current is not create}

    def _entry(self, post_id: int) -> Answer:
        """A post in a feed, with the posts that it reposts and answers.

        Such an original is null, never its text, when it is deleted or unknown.
        """
        post = self.post(post_id)
        assert post is not None
        originals = (("reposted", post["repost_of"]), ("replied", post["reply_to"]))
        return post | {name: self.post(named) for name, named in originals}

    # Who is hidden from whom.

    def follows(self, reader: int, author: int) -> bool:
        """Whether the last word on the pair is UserFollowed."""
        return author in self._following[reader]

    def blocked(self, one: int, other: int) -> bool:
        """Whether a block is in force in either direction."""
        return any(
            pair in self._block and self._block[pair]["type"] == "UserBlocked"
            for pair in ((one, other), (other, one))
        )

    def muted(self, reader: int, author: int) -> bool:
        """Whether the reader mutes the author."""
        event = self._mute.get((reader, author))
        return event is not None and event["type"] == "UserMuted"

    def _hidden(self, viewer: int | None, author: int | None, mutes: bool) -> bool:
        if viewer is None or author is None:
            return False  # without a viewer nothing is hidden; an author not carried hides nothing
        return self.blocked(viewer, author) or (mutes and self.muted(viewer, author))

    def _post_hidden(self, viewer: int | None, post_id: int, mutes: bool) -> bool:
        """By the post's author, or by the author whom a repost or reply carries.

        CHOICE: an author carried without an original's id belongs to no repost or reply.
        """
        post = self._created["PostCreated"][post_id]
        carried = [post[f"{of}_author"] for of in ("repost_of", "reply_to") if post[of] is not None]
        return any(self._hidden(viewer, who, mutes) for who in (post["author_id"], *carried))

    def _page(
        self,
        ids: Iterable[int],
        viewer: int | None,
        mutes: bool,
        before: int | None,
        limit: int | None,
    ) -> list[Answer]:
        """Newest first, strictly older than `before`; all of them unless limited."""
        shown = [
            post_id
            for post_id in sorted(ids, reverse=True)
            if (before is None or post_id < before)
            and not self._post_hidden(viewer, post_id, mutes)
        ]
        return [self._entry(post_id) for post_id in shown[:limit]]

    # The views.

    def home_feed(
        self, reader: int, before: int | None = None, limit: int | None = None
    ) -> list[Answer]:
        """Posts by those followed and by the reader, less what a block or a mute hides."""
        ids = [p for who in self._following[reader] | {reader} for p in self._posts_by[who]]
        return self._page(ids, reader, True, before, limit)

    def author_feed(
        self,
        author: int,
        viewer: int | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[Answer]:
        """The author's posts; a mute does not hide on the author's own pages."""
        return self._page(self._posts_by[author], viewer, False, before, limit)

    def hashtag_feed(
        self,
        tag: str,
        viewer: int | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[Answer]:
        """Posts whose current tags include the tag."""
        return self._page(self._posts_tagged[tag_key(tag)], viewer, True, before, limit)

    def trending(self, now: int, limit: int = 10) -> list[Answer]:
        """Tags by the weights of those who bear them now: each author's newest live post of the
        last 24 hours counts 2^(-age / 4 h). Largest first, ties by tag.
        """
        newest: dict[str, dict[int, int]] = defaultdict(dict)
        for tag, posts in self._posts_tagged.items():
            for post_id in posts:  # newest first
                if now - 24 * HOUR < id_time(post_id) <= now:
                    author = self._created["PostCreated"][post_id]["author_id"]
                    newest[tag].setdefault(author, id_time(post_id))
        scores = {
            tag: math.fsum(2.0 ** ((made - now) / (4 * HOUR)) for made in of.values())
            for tag, of in newest.items()
        }
        ordered = sorted(scores, key=lambda tag: (-scores[tag], tag))
        return [
            {"tag": tag, "authors": len(newest[tag]), "score": scores[tag]}
            for tag in ordered[:limit]
        ]

    def thread(
        self,
        content_id: int,
        viewer: int | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> list[Answer] | None:
        """Comments, oldest first, strictly newer than `after`; a block hides its people's comments,
        a mute does not. Of those on a story its owner sees all, and another viewer only the own.

        CHOICE: 'blocks hide everywhere' also means the whole thread below blocked people's
        content, for which forbidden and unknown look alike.
        """
        owners = self._owners(content_id)
        if not owners or any(self._hidden(viewer, who, mutes=False) for who in owners):
            return None
        private = self._is_live("StoryCreated", content_id) and viewer not in (None, *owners)
        shown = [
            _fields(comment, COMMENT_FIELDS)
            for comment in self._comments_on[content_id]
            if comment["comment_id"] > (after or 0)
            and not self._hidden(viewer, comment["user_id"], mutes=False)
            and (not private or comment["user_id"] == viewer)
        ]
        return shown[:limit]

    def commenters(
        self,
        content_id: int,
        viewer: int | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> list[int] | None:
        """The users whose comments the thread shows. CHOICE: ascending."""
        shown = self.thread(content_id, viewer)
        if shown is None:
            return None
        users = sorted({comment["user_id"] for comment in shown})
        return [user for user in users if user > (after or 0)][:limit]

    def likers(self, content_id: int) -> list[int] | None:
        """Users whose last like event is ContentLiked; None, as for counts and threads, where the
        content is deleted or unknown. CHOICE: ascending."""
        if not self._owners(content_id):
            return None
        likes = self._like[content_id].items()
        return sorted(user for user, event in likes if event["type"] == "ContentLiked")

    def likers_page(
        self,
        content_id: int,
        viewer: int | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> list[int] | None:
        """The same as the viewer sees it: a block hides people, and the content of its people."""
        owners, found = self._owners(content_id), self.likers(content_id)
        if found is None or any(self._hidden(viewer, who, mutes=False) for who in owners):
            return None
        shown = [user for user in found if not self._hidden(viewer, user, mutes=False)]
        return [user for user in shown if user > (after or 0)][:limit]

    def likes(self, user: int, viewer: int | None = None) -> list[int]:
        """Live content that the user likes, newest first, as the viewer sees it."""
        if self._hidden(viewer, user, mutes=False):
            return []
        return [
            content_id
            for content_id in sorted(self._like, reverse=True)
            if user in (self.likers(content_id) or ())
            and not any(self._hidden(viewer, w, mutes=False) for w in self._owners(content_id))
        ]

    def counts(self, content_id: int) -> Answer | None:
        """Distinct likers and viewers, live comments and live reposts; the same for everybody."""
        likers = self.likers(content_id)
        if likers is None:
            return None
        return {
            "likes": len(likers),
            "views": len(self._view[content_id]),
            "comments": len(self._comments_on[content_id]),
            "reposts": len(self._reposts[content_id]),
        }

    def stories(self, author: int, now: int, viewer: int | None = None) -> list[Answer]:
        """Visible stories, oldest first: created_at <= now < expires_at."""
        if self._hidden(viewer, author, mutes=False):
            return []
        return [
            _fields(story, STORY_FIELDS)
            for story in self._stories_by[author]
            if id_time(story["story_id"]) <= now < story["expires_at"]
        ]

    def tray(self, reader: int, now: int) -> Answer:
        """Authors with visible stories, unseen ones first, then by newest story descending.

        The reader's own stories are apart. CHOICE: as an entry like those of others, or None.
        """
        entries = [
            entry
            for author in self._following[reader]
            if not self._hidden(reader, author, mutes=True)
            and (entry := self._tray_entry(reader, author, now)) is not None
        ]
        entries.sort(key=lambda entry: (entry["unseen"] > 0, entry["newest"]), reverse=True)
        return {"own": self._tray_entry(reader, reader, now), "authors": entries}

    def _tray_entry(self, reader: int, author: int, now: int) -> Answer | None:
        ids = [story["story_id"] for story in self.stories(author, now)]
        if not ids:
            return None
        # Unseen while the reader has no counted view of it, on any surface, at any time.
        unseen = sum(reader not in self._view[story_id] for story_id in ids)
        return {"author_id": author, "stories": len(ids), "unseen": unseen, "newest": max(ids)}

    def highlights(self, author: int, viewer: int | None = None) -> list[Answer]:
        """Stories whose last highlight event adds them, under its title; they never expire."""
        if self._hidden(viewer, author, mutes=False):
            return []
        last = [
            (story, self._highlight.get((story["story_id"], author)))
            for story in self._stories_by[author]
        ]
        return [
            _fields(story, STORY_FIELDS) | {"title": event["title"]}
            for story, event in last
            if event is not None and event["type"] == "HighlightAdded"
        ]

    def archive(
        self, owner: int, now: int, before: int | None = None, limit: int | None = None
    ) -> list[Answer]:
        """The owner's stories that have ended, newest first, and their titles as highlights."""
        titles = {story["story_id"]: story["title"] for story in self.highlights(owner)}
        ended = [
            _fields(story, STORY_FIELDS) | {"title": titles.get(story["story_id"])}
            for story in reversed(self._stories_by[owner])
            if story["expires_at"] <= now and (before is None or story["story_id"] < before)
        ]
        return ended[:limit]

    def viewers(self, story_id: int, as_user: int) -> list[Answer] | None:
        """Who saw a story first when, and whether they like it; only its creator may ask.

        Latest first, ties by user descending. CHOICE: blocks do not filter it, and 'but the
        owner' is said by the views themselves, as in the counts.
        """
        if not self._is_live("StoryCreated", story_id):
            return None
        if self._created["StoryCreated"][story_id]["author_id"] != as_user:
            return None
        likers = set(self.likers(story_id) or ())
        firsts = sorted(((at, who) for who, at in self._view[story_id].items()), reverse=True)
        return [{"user_id": who, "first_seen": at, "liked": who in likers} for at, who in firsts]

    def graph(self, user: int) -> Answer:
        """Pairs followed, in both directions. CHOICE: ascending; a follow made during a block
        is such a pair."""
        return {
            "followers": sorted(self._followers[user]),
            "following": sorted(self._following[user]),
        }

    def tier(self, author: int) -> str:
        """Of the last AuthorTierChanged by stamp, REGULAR if there is none."""
        event = self._tier.get(author)
        return "REGULAR" if event is None else str(event["tier"])

    def conflicts(self) -> dict[int, int]:
        """Content id -> how many creates of it too many there are: each is an id_conflict."""
        return {
            content: len(creates) - 1
            for (_, content), creates in self._creates.items()
            if len(creates) > 1
        }


def _fields(event: Event, names: Iterable[str]) -> Answer:
    return {name: event[name] for name in names}


def _later(standing: dict[Any, Event], key: Any, event: Event) -> None:
    """Last writer wins, by the full stamp."""
    standing[key] = max(event, standing.get(key, event), key=stamp)
