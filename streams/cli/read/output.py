"""Output of pages of posts, stories and users as tables or JSON."""

from typing import TYPE_CHECKING

from streams.cli.common.errors import STATUS
from streams.cli.common.output import err, out, print_json, print_table
from streams.cli.read.options import when
from streams.errors import UserError

if TYPE_CHECKING:
    from streams.serving.responses import Post, PostPage
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.serving.responses import Story
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.serving.responses import UserPage


def print_posts(page: "PostPage", *, as_json: bool, title: str) -> None:
    """Print a page of posts.

    Raises:
        UserError: the page is incomplete (exit code 4); the message names the missing sources.
    """
    from streams.serving.responses import to_json

    if as_json:
        print_json(to_json(page))
    elif page.posts or page.complete:
        print_table(("post", "author", "created (UTC)", "text"), map(_row, page.posts), title=title)
        if not page.posts:
            out.print("no posts")
        if page.next_before is not None:
            err.print(f"more with --before {page.next_before}", style="dim", highlight=False)
    if not page.complete:
        raise UserError(
            f"the answer is incomplete: {', '.join(page.missing)} did not answer",
            hint=STATUS,
            exit_code=4,
        )


def _row(post: "Post") -> tuple[str, str, str, str]:
    return str(post.post_id), str(post.author_id), when(post.created_at), _text(post)


def _text(post: "Post") -> str:
    edited = " (edited)" if post.edited else ""
    if post.repost_of is not None:
        return f"↻ {_original(post.reposted)}"
    if post.reply_to is not None:
        return f"{post.text}{edited}\n  ↳ to {_original(post.replied)}"
    return post.text + edited


def _original(original: "Post | None") -> str:
    return "a post that is gone" if original is None else f"{original.author_id}: {original.text}"


def print_stories(stories: "tuple[Story, ...]", *, as_json: bool, title: str) -> None:
    """Print stories as a table or as JSON."""
    from streams.serving.responses import to_json

    if as_json:
        print_json(to_json(stories))
        return
    print_table(
        ("story", "created (UTC)", "expires (UTC)", "title", "caption"),
        ((s.story_id, when(s.created_at), when(s.expires_at), s.title, s.caption) for s in stories),
        title=title,
    )


def print_users(page: "UserPage", *, as_json: bool, title: str) -> None:
    """Print a page of users as a table with the option for the next page, or as JSON."""
    from streams.serving.responses import to_json

    if as_json:
        print_json(to_json(page))
        return
    print_table(("user",), ((user,) for user in page.users), title=title)
    if page.next_after is not None:
        err.print(f"more with --after {page.next_after}", style="dim", highlight=False)
