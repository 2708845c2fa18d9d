"""The views in plain dictionaries: a fast substitute that passes the same suite as Cassandra."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from streams.contracts.ids import id_time
from streams.views.counted_members import latest, tallies
from streams.views.counts import Count, CountKind
from streams.views.effects import (
    CreateComment,
    CreatePost,
    CreateStory,
    EditPost,
    Effects,
    Relation,
    SetHighlight,
    SetRelation,
    SetTier,
    Stamp,
)
from streams.views.rows import (
    CommentRow,
    Content,
    PostRow,
    Relations,
    StoryRow,
    TagUse,
    TierRow,
    Viewing,
)
from streams.views.store import Enough, Recent
from streams.views.story_expiry import Due, Expiry, ExpiryIndex
from streams.views.visible_stories import current_stories

Pair = tuple[int, int]
_Create = TypeVar("_Create", CreatePost, CreateStory, CreateComment)


class MemoryStore:
    """A ViewSink and a ViewReader over dictionaries, for one thread."""

    def __init__(self, *, clock: Callable[[], int] = lambda: 0) -> None:
        """Create an empty store; `clock` (ms since the Unix epoch) decides when ends become due."""
        self._clock = clock
        self._due: set[Due] = set()
        self._told: set[Expiry] = set()
        self._published_until: int | None = None
        self._posts: dict[int, CreatePost] = {}
        self._post_edits: dict[Pair, EditPost] = {}
        self._post_deletes: set[Pair] = set()
        self._stories: dict[int, CreateStory] = {}
        self._story_deletes: set[Pair] = set()
        self._story_highlights: dict[Pair, SetHighlight] = {}
        self._comments: dict[int, CreateComment] = {}
        self._comment_deletes: set[tuple[int, int, int]] = set()
        self._pairs: dict[Relation, dict[Pair, SetRelation]] = {kind: {} for kind in Relation}
        self._targets_of: dict[tuple[Relation, int], set[int]] = defaultdict(set)
        self._actors_of: dict[tuple[Relation, int], set[int]] = defaultdict(set)
        self._likes: dict[int, dict[int, Stamp]] = defaultdict(dict)
        self._views: dict[int, dict[int, int]] = defaultdict(dict)
        self._by_author: dict[int, set[int]] = defaultdict(set)
        self._tag_uses: set[TagUse] = set()
        self._by_tag: dict[str, set[int]] = defaultdict(set)
        self._reposts: dict[int, set[int]] = defaultdict(set)
        self._stories_by_author: dict[int, set[int]] = defaultdict(set)
        self._highlights_by_author: dict[int, set[int]] = defaultdict(set)
        self._comments_by_content: dict[int, set[int]] = defaultdict(set)
        self._commenters: dict[int, set[Pair]] = defaultdict(set)
        self._tiers: dict[int, SetTier] = {}
        self._pulled: dict[int, set[int]] = defaultdict(set)

    # ViewSink

    def creators(self, content: Content, ids: Collection[int]) -> Mapping[int, int]:
        creates: Mapping[int, CreatePost] | Mapping[int, CreateStory] | Mapping[int, CreateComment]
        match content:
            case Content.POST:
                creates = self._posts
            case Content.STORY:
                creates = self._stories
            case Content.COMMENT:
                creates = self._comments
        return {i: creates[i].event_id for i in ids if i in creates}

    def apply(self, effects: Effects) -> None:
        self._apply_posts(effects)
        self._apply_stories(effects)
        self._apply_comments(effects)
        for change in effects.relations:
            pairs = self._pairs[change.relation]
            key = (change.user_id, change.target_id)
            if key not in pairs or pairs[key].stamp < change.stamp:
                pairs[key] = change
            self._targets_of[change.relation, change.user_id].add(change.target_id)
            self._actors_of[change.relation, change.target_id].add(change.user_id)
        for like in effects.likes:
            stamps = self._likes[like.content_id]
            stamps[like.user_id] = max(like.stamp, stamps.get(like.user_id, like.stamp))
        for view in effects.views:
            seen = self._views[view.content_id]
            seen[view.viewer_id] = min(view.seen_at, seen.get(view.viewer_id, view.seen_at))
        for decided in effects.tiers:
            standing = self._tiers.get(decided.author_id)
            if standing is None or standing.stamp < decided.stamp:
                self._tiers[decided.author_id] = decided
        for author_id, post_id in effects.pulls:
            self._pulled[author_id].add(post_id)

    def _apply_posts(self, effects: Effects) -> None:
        for post in effects.create_posts:
            _keep_first(self._posts, post.post_id, post)
            self._by_author[post.author_id].add(post.post_id)
            if post.repost_of is not None:
                self._reposts[post.repost_of].add(post.post_id)
        for edit in effects.edit_posts:
            key = (edit.post_id, edit.author_id)
            if key not in self._post_edits or self._post_edits[key].stamp < edit.stamp:
                self._post_edits[key] = edit
        tagging: list[CreatePost | EditPost] = [*effects.create_posts, *effects.edit_posts]
        for tagged in tagging:
            for tag in tagged.tags:
                self._by_tag[tag].add(tagged.post_id)
                self._tag_uses.add(TagUse(tag, tagged.author_id, tagged.post_id))
        self._post_deletes.update(effects.delete_posts)

    def _apply_stories(self, effects: Effects) -> None:
        for story in effects.create_stories:
            _keep_first(self._stories, story.story_id, story)
            self._stories_by_author[story.author_id].add(story.story_id)
            end = Expiry(story.story_id, story.author_id, story.expires_at)
            self._due.add(Due(max(story.expires_at, self._clock()), end))
        self._told.update(effects.expiries)
        self._story_deletes.update(effects.delete_stories)
        for change in effects.highlights:
            key = (change.story_id, change.author_id)
            held = self._story_highlights.get(key)
            if held is None or held.stamp < change.stamp:
                self._story_highlights[key] = change
            self._highlights_by_author[change.author_id].add(change.story_id)

    def _apply_comments(self, effects: Effects) -> None:
        for comment in effects.create_comments:
            _keep_first(self._comments, comment.comment_id, comment)
            self._comments_by_content[comment.content_id].add(comment.comment_id)
            self._commenters[comment.content_id].add((comment.user_id, comment.comment_id))
        self._comment_deletes.update(effects.delete_comments)

    # ViewReader

    def posts(self, ids: Collection[int]) -> Mapping[int, PostRow]:
        return {i: self._post(self._posts[i]) for i in ids if i in self._posts}

    def _post(self, create: CreatePost) -> PostRow:
        key = (create.post_id, create.author_id)
        edit = self._post_edits.get(key)
        shown = edit or create
        return PostRow(
            post_id=create.post_id,
            author_id=create.author_id,
            text=shown.text,
            hashtags=shown.hashtags,
            tags=shown.tags,
            media=shown.media,
            reply_to=create.reply_to,
            reply_to_author=create.reply_to_author,
            repost_of=create.repost_of,
            repost_of_author=create.repost_of_author,
            edited=edit is not None,
            deleted=key in self._post_deletes,
        )

    def stories(self, ids: Collection[int]) -> Mapping[int, StoryRow]:
        return {i: self._story(self._stories[i]) for i in ids if i in self._stories}

    def _story(self, create: CreateStory) -> StoryRow:
        key = (create.story_id, create.author_id)
        change = self._story_highlights.get(key)
        return StoryRow(
            story_id=create.story_id,
            author_id=create.author_id,
            media_url=create.media_url,
            caption=create.caption,
            expires_at=create.expires_at,
            highlight=change.title if change and not change.stamp.ended else None,
            deleted=key in self._story_deletes,
        )

    def comments(self, ids: Collection[int]) -> Mapping[int, CommentRow]:
        return {i: self._comment(self._comments[i]) for i in ids if i in self._comments}

    def _comment(self, create: CreateComment) -> CommentRow:
        key = (create.comment_id, create.content_id)
        return CommentRow(
            comment_id=create.comment_id,
            content_id=create.content_id,
            user_id=create.user_id,
            owner_id=create.owner_id,
            text=create.text,
            reply_to=create.reply_to,
            deleted=any(
                (*key, user) in self._comment_deletes for user in (create.user_id, create.owner_id)
            ),
        )

    def author_posts(
        self, authors: Collection[int], before: int | None, limit: int
    ) -> Mapping[int, Sequence[int]]:
        return {a: _newest(self._by_author.get(a, ()), before, limit) for a in authors}

    def recent_posts(
        self, authors: Collection[int], before: int | None, limit: int, enough: Enough
    ) -> Recent:
        """Return no more posts than `enough` requires."""
        found = self.author_posts(authors, before, limit)
        every = sorted((post for ids in found.values() for post in ids), reverse=True)
        last = every[enough.posts - 1] if len(every) >= enough.posts > 0 else 0
        until = max(last, enough.down_to)
        kept = {author: [i for i in ids if i >= until] for author, ids in found.items()}
        return Recent(kept, until)

    def tag_posts(self, tag: str, before: int | None, limit: int) -> Sequence[int]:
        return _newest(self._by_tag.get(tag, ()), before, limit)

    def tag_uses(self, since: int, until: int) -> Iterable[TagUse]:
        return [use for use in self._tag_uses if since < id_time(use.post_id) <= until]

    def reposts(self, post_id: int) -> Sequence[int]:
        return sorted(self._reposts.get(post_id, ()))

    def author_stories(
        self,
        authors: Collection[int],
        since: int,
        until: int,
        now: int,  # noqa: ARG002 - nothing is ever left out here
    ) -> Mapping[int, Sequence[int]]:
        return {
            a: sorted(i for i in self._stories_by_author.get(a, ()) if since <= id_time(i) <= until)
            for a in authors
        }

    def current_stories(
        self, authors: Collection[int], now: int
    ) -> Mapping[int, Sequence[StoryRow]]:
        return current_stories(self, authors, now, until=now)

    def stories_by(self, author: int, before: int | None, limit: int) -> Sequence[int]:
        return _newest(self._stories_by_author.get(author, ()), before, limit)

    def highlights(self, author: int) -> Sequence[int]:
        return sorted(self._highlights_by_author.get(author, ()))

    def relations(self, user: int) -> Relations:
        return Relations(
            following=self._targets(Relation.FOLLOW, user),
            blocked=self._targets(Relation.BLOCK, user) | self._actors(Relation.BLOCK, user),
            muted=self._targets(Relation.MUTE, user),
        )

    def following(self, user: int, after: int, limit: int) -> Sequence[int]:
        return _oldest(self._targets(Relation.FOLLOW, user), after, limit)

    def followers(self, user: int, after: int, limit: int) -> Sequence[int]:
        return _oldest(self._actors(Relation.FOLLOW, user), after, limit)

    def follow_counts(self, user: int) -> tuple[int, int]:
        return (
            len(self._actors(Relation.FOLLOW, user)),
            len(self._targets(Relation.FOLLOW, user)),
        )

    def _targets(self, relation: Relation, user: int) -> frozenset[int]:
        pairs = self._pairs[relation]
        targets = self._targets_of.get((relation, user), ())
        return frozenset(target for target in targets if pairs[user, target].holds)

    def _actors(self, relation: Relation, user: int) -> frozenset[int]:
        pairs = self._pairs[relation]
        actors = self._actors_of.get((relation, user), ())
        return frozenset(actor for actor in actors if pairs[actor, user].holds)

    def likers(self, content_id: int) -> frozenset[int]:
        stamps = self._likes.get(content_id, {})
        return frozenset(user for user, stamp in stamps.items() if not stamp.ended)

    def tallies(self, kind: CountKind, ids: Collection[int]) -> Mapping[int, Count]:
        return tallies(self, kind, ids)

    def like_count(self, content_id: int) -> int:
        return len(self.likers(content_id))

    def view_count(self, content_id: int) -> int:
        return len(self.viewers(content_id))

    def likers_among(self, content_id: int, users: Collection[int]) -> frozenset[int]:
        return self.likers(content_id).intersection(users)

    def content_likers(self, content_id: int, after: int, limit: int) -> Sequence[int]:
        return _oldest(self.likers(content_id), after, limit)

    def user_likes(self, user: int, before: int | None, limit: int) -> Sequence[int]:
        liked = (content for content in self._likes if user in self.likers(content))
        return _newest(liked, before, limit)

    def viewers(self, content_id: int) -> Mapping[int, int]:
        return dict(self._views.get(content_id, {}))

    def few_viewers(self, content_id: int, most: int) -> Collection[int] | None:
        viewers = self.viewers(content_id)
        return None if len(viewers) > most else viewers.keys()

    def first_view(self, content_id: int, viewer: int) -> int | None:
        return self._views.get(content_id, {}).get(viewer)

    def latest_viewers(
        self, content_id: int, before: Viewing | None, limit: int
    ) -> Sequence[Viewing]:
        return latest(self.viewers(content_id), before, limit)

    def viewed(self, viewer: int, content_ids: Collection[int]) -> frozenset[int]:
        return frozenset(i for i in content_ids if viewer in self._views.get(i, {}))

    def content_comments(self, content_id: int, after: int, limit: int) -> Sequence[int]:
        return _oldest(self._comments_by_content.get(content_id, ()), after, limit)

    def content_commenters(
        self, content_id: int, after: tuple[int, int], limit: int
    ) -> Sequence[tuple[int, int]]:
        return sorted(p for p in self._commenters.get(content_id, ()) if p > after)[:limit]

    def tiers(self, authors: Collection[int]) -> Mapping[int, TierRow]:
        known = (self._tiers[a] for a in authors if a in self._tiers)
        return {held.author_id: TierRow(held.tier, held.stamp) for held in known}

    def follower_count(self, user: int, most: int) -> int:
        return min(len(self._actors(Relation.FOLLOW, user)), most)

    def pulled_authors(self) -> Mapping[int, int]:
        return {author: max(posts) for author, posts in self._pulled.items()}

    def pulled_posts(self, ids: Collection[int]) -> frozenset[int]:
        return frozenset(i for i in ids if any(i in posts for posts in self._pulled.values()))

    @property
    def expiries(self) -> ExpiryIndex:
        """The ExpiryIndex of this store: the store itself."""
        return self

    # ExpiryIndex

    def due(self, after: int, until: int) -> Iterator[Due]:
        return iter(sorted(due for due in self._due if after < due.due_at <= until))

    def published(self, expiries: Collection[Expiry]) -> frozenset[Expiry]:
        return frozenset(expiries) & self._told

    def published_until(self) -> int | None:
        return self._published_until

    def set_published_until(self, instant: int) -> None:
        self._published_until = max(instant, self._published_until or instant)


def _keep_first(held: dict[int, _Create], content_id: int, create: _Create) -> None:
    if content_id not in held or create.event_id < held[content_id].event_id:
        held[content_id] = create


def _newest(ids: Iterable[int], before: int | None, limit: int) -> list[int]:
    ordered = sorted(ids)
    end = len(ordered) if before is None else bisect_left(ordered, before)
    return ordered[max(0, end - limit) : end][::-1]


def _oldest(ids: Iterable[int], after: int, limit: int) -> list[int]:
    return sorted(i for i in ids if i > after)[:limit]
