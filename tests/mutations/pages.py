"""Seeded bugs in the pages of author and hashtag feeds, threads and likers."""

from tests.mutations.mutation import Mutation

_POSTS = "streams/serving/posts.py"
_CONTENT = "streams/serving/engagement.py"

_TESTS = ("tests/property/test_views_property.py",)

PAGING = (
    Mutation(
        "cursor-must-live",
        "whoever reads on below a post that was deleted meanwhile begins anew",
        "author_feed",
        "views.posts.author_posts([author], cursor, count)[author], before\n",
        "views.posts.author_posts([author], cursor, count)[author],\n"
        "        before if any(not row.deleted for row in views.rows.posts([before or 0]).values())"
        " else None,\n",
        _TESTS,
    ),
    Mutation(
        "page-of-what-was-fetched",
        "hidden posts make pages short, and the feed seem to end",
        _POSTS,
        "        if not ids:\n            break\n",
        "        if not ids or found:\n            break\n",
        _TESTS,
    ),
    Mutation(
        "comment-shown-twice",
        "a thread's page begins with the comment that the page before ended with",
        _CONTENT,
        "_comments(views, content_id, after or 0)",
        "_comments(views, content_id, (after or 1) - 1)",
        _TESTS,
    ),
    Mutation(
        "cursor-of-a-shown-comment",
        "whoever reads on behind a comment that was deleted meanwhile sees nothing more",
        _CONTENT,
        "    found: list[Comment] = []\n",
        "    found: list[Comment] = []\n"
        "    if any(row.deleted for row in views.rows.comments([after or 0]).values()):\n"
        "        return CommentPage((), None)\n",
        _TESTS,
    ),
    Mutation(
        "archive-of-what-shows",
        "a story is in the archive while it is still shown",
        "streams/serving/stories.py",
        "not row.deleted and row.expires_at <= now]",
        "not row.deleted]",
        _TESTS,
    ),
    Mutation(
        "archive-ends-early",
        "the archive ends where a few deleted stories lie beside one another",
        "streams/serving/stories.py",
        "    while len(found) <= limit and (chunk := list(islice(ids, limit + 1))):\n        rows",
        "    if chunk := list(islice(ids, limit + 1)):\n        rows",
        _TESTS,
    ),
    Mutation(
        "commenter-once-a-comment",
        "who comments twice is listed twice",
        _CONTENT,
        "if user != last and row and",
        "if row and",
        ("tests/unit/serving/test_commenters.py",),
    ),
    Mutation(
        "deleted-comment-lists",
        "who has deleted all comments is still listed",
        _CONTENT,
        " and is_live(row, content_id) and row.user_id == user:",
        " and row.user_id == user:",
        _TESTS,
    ),
    Mutation(
        "liker-skipped",
        "the first liker of each further page is missing",
        _CONTENT,
        "_likers(views.engagement, content_id, after or 0)",
        "_likers(views.engagement, content_id, after + 1 if after else 0)",
        _TESTS,
    ),
)
