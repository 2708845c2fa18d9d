"""Texts, hashtags and media of foreign posts, within the limits of Storyline's posts."""

from collections.abc import Iterable
from typing import Final

from streams.contracts.tags import tag_key
from streams.contracts.validation import MAX_HASHTAG, MAX_HASHTAGS, MAX_MEDIA, MAX_TEXT
from streams.importers.report import Cut, ImportReport

_ELLIPSIS: Final = "…"


def limited_text(text: str, report: ImportReport) -> str:
    """Return the text, cut to 10,000 code points and ending with an ellipsis if it is longer."""
    if len(text) <= MAX_TEXT:
        return text
    report.cut(Cut.TEXT)
    return text[: MAX_TEXT - 1] + _ELLIPSIS


def limited_hashtags(tags: Iterable[str], report: ImportReport) -> tuple[str, ...]:
    """Return the hashtags without '#', each once; drop those that are too long or too many."""
    kept: dict[str, str] = {}
    dropped = 0
    for tag in tags:
        name = tag.strip().removeprefix("#")
        key = tag_key(name)
        if not key or key in kept:
            continue
        if len(name) > MAX_HASHTAG or len(kept) == MAX_HASHTAGS:
            dropped += 1
        else:
            kept[key] = name
    report.cut(Cut.HASHTAGS, dropped)
    return tuple(kept.values())


def limited_media(urls: Iterable[str], report: ImportReport) -> tuple[str, ...]:
    """Return the first 10 media; report how many are dropped."""
    listed = list(urls)
    report.cut(Cut.MEDIA, max(0, len(listed) - MAX_MEDIA))
    return tuple(listed[:MAX_MEDIA])
