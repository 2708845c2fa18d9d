"""How a page of posts is printed."""

from typing import TYPE_CHECKING

from streams.cli.failing import STATUS
from streams.cli.output import err, out, print_json, print_table
from streams.cli.reading import when
from streams.errors import UserError

if TYPE_CHECKING:
    from streams.serving.answers import Post, PostPage


def print_posts(page: "PostPage", *, as_json: bool, title: str) -> None:
    """Print a page; an incomplete one is said to be so, and ends with exit code 4."""
    from streams.serving.answers import to_json

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
