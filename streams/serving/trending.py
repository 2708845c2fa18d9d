"""Trending hashtags: the number of users who used a tag lately, with later uses counting more.

Over the live posts of the last 24 hours that have the tag now, each author counts once, by the
newest such post, with a weight that halves every 4 hours. Nothing is hidden from any viewer,
because it reveals no user's content.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from typing import Final

from streams.contracts.ids import id_time
from streams.contracts.times import DAY_MS, HOUR_MS
from streams.serving.responses import TrendingTag
from streams.views.store import PostReader, RowReader, Views

HALF_LIFE_MS: Final = 4 * HOUR_MS
WINDOW_MS: Final = DAY_MS

_Uses = Mapping[int, Sequence[int]]
"""Author -> posts that ever had the tag, newest first."""


def trending(views: Views, now: int, *, limit: int = 10) -> tuple[TrendingTag, ...]:
    """Return the `limit` tags with the largest scores at `now` (ms), ties by tag.

    Only the posts of the most promising tags are checked for deletion and current tags: a tag's
    score is bounded by the score that its posts would have if all counted, and once the bound of
    all other tags is below the last score found, none of them can be among the results (the
    threshold algorithm: Fagin, Lotem and Naor 2001).
    """
    uses = _uses_by_tag(views.posts, now)
    bounds = {tag: _score((ids[0] for ids in of.values()), now) for tag, of in uses.items()}
    found: list[tuple[float, str, int]] = []
    for bound, tag in sorted((-bound, tag) for tag, bound in bounds.items()):
        if len(found) >= limit and found[limit - 1][0] < bound:
            break
        newest = _newest_live(views.rows, tag, uses[tag])
        if newest:
            found.append((-_score(newest, now), tag, len(newest)))
            found.sort()
    return tuple(TrendingTag(tag, authors, -score) for score, tag, authors in found[:limit])


def _uses_by_tag(posts: PostReader, now: int) -> Mapping[str, _Uses]:
    uses: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for tag, author, post in posts.tag_uses(now - WINDOW_MS, now):
        uses[tag][author].append(post)
    for of in uses.values():
        for ids in of.values():
            ids.sort(reverse=True)
    return uses


def _newest_live(reader: RowReader, tag: str, uses: _Uses) -> list[int]:
    """Return each author's newest post that is live, really by the author, and has the tag."""
    newest: list[int] = []
    left = {author: iter(ids) for author, ids in uses.items()}
    while requested := {author: post for author, ids in left.items() if (post := next(ids, None))}:
        rows = reader.posts(requested.values())
        for author, post in requested.items():
            row = rows.get(post)
            if row and not row.deleted and row.author_id == author and tag in row.tags:
                newest.append(post)
                del left[author]
    return newest


def _score(posts: Iterable[int], now: int) -> float:
    """Return the score of the posts; `fsum` makes it independent of their order."""
    return fsum(2.0 ** ((id_time(post) - now) / HALF_LIFE_MS) for post in posts)
