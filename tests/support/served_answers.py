"""The product's answers in the oracle's form: ids, dicts and None for what is not found."""

from collections.abc import Callable
from functools import partial

from streams import serving
from streams.contracts.ids import id_time
from streams.serving.feed.feed_caches import FeedCaches
from streams.serving.responses import Comment, Post, PostPage, Story, TrayEntry, UserPage
from streams.views.store import Views
from tests.oracle.views import Answer


class Served:
    """`streams.serving` over one store, answering like the oracle.

    Pages are walked to the end by their cursors, `page` entries at a time, unless the question
    names a limit: then it is one page.
    """

    def __init__(self, views: Views, *, caches: FeedCaches | None = None, page: int = 20) -> None:
        self._views = views
        self._caches = caches
        self._page = page

    def home_feed(self, reader: int, before: int | None = None, limit: int = 20) -> list[Answer]:
        page = serving.home_feed(
            self._views, reader, before=before, limit=limit, caches=self._caches
        )
        return page_answers(page)

    def home_walk(self, reader: int) -> list[Answer]:
        return _walk(
            lambda before: serving.home_feed(
                self._views,
                reader,
                before=before,
                limit=self._page,
                caches=self._caches,
            ),
            self._page,
        )

    def author_feed(
        self,
        author: int,
        viewer: int | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[Answer]:
        feed = partial(serving.author_feed, self._views, author, viewer=viewer)
        return self._posts(feed, before, limit)

    def hashtag_feed(
        self,
        tag: str,
        viewer: int | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[Answer]:
        feed = partial(serving.hashtag_feed, self._views, tag, viewer=viewer)
        return self._posts(feed, before, limit)

    def _posts(
        self, feed: Callable[..., PostPage], before: int | None, limit: int | None
    ) -> list[Answer]:
        if limit is None:
            return _walk(lambda before: feed(before=before, limit=self._page), self._page)
        return page_answers(feed(before=before, limit=limit))

    def trending(self, now: int, limit: int = 10) -> list[Answer]:
        found = serving.trending(self._views, now, limit=limit)
        return [{"tag": tag.tag, "authors": tag.authors, "score": tag.score} for tag in found]

    def thread(
        self,
        content_id: int,
        viewer: int | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> list[Answer] | None:
        size = limit or self._page
        answer, turned = list[Answer](), _Turned()
        while True:
            try:
                page = serving.thread(
                    self._views, content_id, viewer=viewer, after=after, limit=size
                )
            except serving.NotFoundError:
                return None
            answer += map(_comment, page.comments)
            if limit is not None or (after := page.next_after) is None:
                return answer
            assert len(page.comments) == size
            turned(after)

    def likers_page(
        self,
        content_id: int,
        viewer: int | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> list[int] | None:
        likers = partial(serving.likers, self._views, content_id, viewer=viewer)
        return self._users(likers, after, limit)

    def commenters(
        self,
        content_id: int,
        viewer: int | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> list[int] | None:
        commenters = partial(serving.commenters, self._views, content_id, viewer=viewer)
        return self._users(commenters, after, limit)

    def _users(
        self, fetch: Callable[..., UserPage], after: int | None, limit: int | None
    ) -> list[int] | None:
        size = limit or self._page
        answer, turned = list[int](), _Turned()
        while True:
            try:
                page = fetch(after=after, limit=size)
            except serving.NotFoundError:
                return None
            answer += page.users
            if limit is not None or (after := page.next_after) is None:
                return answer
            assert len(page.users) == size
            turned(after)

    def likes(self, user: int, viewer: int | None = None) -> list[int]:
        answer, turned = list[int](), _Turned()
        before = None
        while True:
            page = serving.likes(self._views, user, viewer=viewer, before=before, limit=self._page)
            answer += [liked.content_id for liked in page.liked]
            if (before := page.next_before) is None:
                return answer
            assert len(page.liked) == self._page
            turned(before)

    def counts(self, content_id: int) -> Answer | None:
        try:
            found = serving.counts(self._views.rows, content_id)
        except serving.NotFoundError:
            return None
        assert not found.views_estimated
        return {
            "likes": found.likes,
            "views": found.views,
            "comments": found.comments,
            "reposts": found.reposts,
        }

    def stories(self, author: int, now: int, viewer: int | None = None) -> list[Answer]:
        found = serving.author_stories(self._views.rows, author, now, viewer=viewer)
        return [_story(story) for story in found]

    def tray(self, reader: int, now: int) -> Answer:
        found = serving.tray(self._views.rows, reader, now)
        return {
            "own": None if found.own is None else _tray_entry(found.own),
            "authors": [_tray_entry(entry) for entry in found.entries],
        }

    def highlights(self, author: int, viewer: int | None = None) -> list[Answer]:
        found = serving.highlights(self._views, author, viewer=viewer)
        return [_story(story) | {"title": story.title} for story in found]

    def archive(
        self, owner: int, now: int, before: int | None = None, limit: int | None = None
    ) -> list[Answer]:
        size = limit or self._page
        answer, turned = list[Answer](), _Turned()
        while True:
            page = serving.archive(self._views, owner, now, before=before, limit=size)
            answer += [_story(story) | {"title": story.title} for story in page.stories]
            if limit is not None or (before := page.next_before) is None:
                return answer
            assert len(page.stories) == size
            turned(before)
            assert before == page.stories[-1].story_id

    def viewers(self, story_id: int, as_user: int) -> list[Answer] | None:
        answer, turned = list[Answer](), _Turned()
        after = None
        while True:
            try:
                page = serving.story_viewers(
                    self._views, story_id, as_user=as_user, after=after, limit=self._page
                )
            except serving.NotFoundError:
                return None
            answer.extend(
                {"user_id": row.user_id, "first_seen": row.first_viewed_at, "liked": row.liked}
                for row in page.viewers
            )
            if (after := page.next_after) is None:
                return answer
            assert len(page.viewers) == self._page
            turned(after)

    def graph(self, user: int) -> Answer:
        found = serving.graph(self._views.graph, user, limit=1000)
        assert found.follower_count == len(found.followers)
        assert found.following_count == len(found.following)
        for side in ("followers", "following"):
            ids = getattr(found, side)
            for n, last in enumerate(ids):
                rest = serving.graph(self._views.graph, user, after=last, limit=self._page)
                assert getattr(rest, side) == ids[n + 1 : n + 1 + self._page]
        return {"followers": list(found.followers), "following": list(found.following)}

    def tier(self, author: int) -> str:
        return serving.tier(self._views.tiers, author)


class _Turned:
    """Told of each cursor of a walk, fails where it would walk for ever."""

    def __init__(self) -> None:
        self._cursors: set[int] = set()

    def __call__(self, cursor: int) -> None:
        assert cursor not in self._cursors, "a cursor that leads back"
        self._cursors.add(cursor)


def _walk(fetch: Callable[[int | None], PostPage], size: int) -> list[Answer]:
    answer, turned = list[Answer](), _Turned()
    before = None
    while True:
        page = fetch(before)
        assert page.posts or before is None, "a cursor that leads to nothing"
        answer.extend(page_answers(page))
        if (before := page.next_before) is None:
            return answer
        assert len(page.posts) == size
        assert before == page.posts[-1].post_id
        turned(before)


def page_answers(page: PostPage) -> list[Answer]:
    assert page.complete
    assert not page.missing
    return [
        _post(post) | {"reposted": _original(post.reposted), "replied": _original(post.replied)}
        for post in page.posts
    ]


def _original(post: Post | None) -> Answer | None:
    return None if post is None else _post(post)


def _post(post: Post) -> Answer:
    assert post.created_at == id_time(post.post_id)
    return {
        "post_id": post.post_id,
        "author_id": post.author_id,
        "text": post.text,
        "hashtags": list(post.hashtags),
        "media": list(post.media),
        "reply_to": post.reply_to,
        "repost_of": post.repost_of,
        "edited": post.edited,
    }


def _story(story: Story) -> Answer:
    assert story.created_at == id_time(story.story_id)
    return {
        "story_id": story.story_id,
        "author_id": story.author_id,
        "media_url": story.media_url,
        "caption": story.caption,
        "expires_at": story.expires_at,
    }


def _comment(comment: Comment) -> Answer:
    assert comment.created_at == id_time(comment.comment_id)
    return {
        "comment_id": comment.comment_id,
        "content_id": comment.content_id,
        "user_id": comment.user_id,
        "text": comment.text,
        "reply_to": comment.reply_to,
    }


def _tray_entry(entry: TrayEntry) -> Answer:
    return {
        "author_id": entry.author_id,
        "stories": entry.stories,
        "unseen": entry.unseen,
        "newest": entry.newest_story_id,
    }
