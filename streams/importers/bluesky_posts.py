"""Fields of Storyline's posts from records of `app.bsky.feed.post`."""

from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import quote

from streams.importers.json_values import JsonObject, as_object, member, objects
from streams.importers.post_fields import limited_hashtags, limited_media, limited_text
from streams.importers.report import Cut, ImportReport

_TAG: Final = "app.bsky.richtext.facet#tag"
_IMAGE: Final = "https://cdn.bsky.app/img/feed_fullsize/plain/{did}/{cid}@jpeg"
_VIDEO: Final = "https://video.bsky.app/watch/{did}/{cid}/playlist.m3u8"


class PostFields(NamedTuple):
    """Fields that `PostCreated` and `PostEdited` share."""

    text: str
    hashtags: tuple[str, ...]
    media: tuple[str, ...]


def post_fields(did: str, record: JsonObject, report: ImportReport) -> PostFields:
    """Return a record's text, hashtags and media. Raises SkippedError if there is no text.

    Hashtags come from facets, whose ranges count bytes of the text in UTF-8, and from `tags`.
    """
    text = member(record, "text", str)
    tags = [*_facet_tags(record, text.encode(), report), *_record_tags(record)]
    return PostFields(
        limited_text(text, report),
        limited_hashtags(tags, report),
        limited_media(_media(did, record, report), report),
    )


def _facet_tags(record: JsonObject, text: bytes, report: ImportReport) -> Iterator[str]:
    for facet in objects(record.get("facets")):
        for feature in objects(facet.get("features")):
            if feature.get("$type") != _TAG:
                continue
            marked = _marked(as_object(facet.get("index")), text)
            if marked is None:
                report.cut(Cut.FACETS)
                continue
            tag = feature.get("tag")
            yield tag if isinstance(tag, str) else marked


def _marked(index: JsonObject, text: bytes) -> str | None:
    """Return the part of the text in a facet's range; `None` if the range is not in the text."""
    start, end = index.get("byteStart"), index.get("byteEnd")
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
        return None
    try:
        return text[start:end].decode()
    except UnicodeDecodeError:  # the range cuts a character
        return None


def _record_tags(record: JsonObject) -> Iterator[str]:
    tags = record.get("tags")
    if isinstance(tags, list):
        yield from (tag for tag in tags if isinstance(tag, str))


def _media(did: str, record: JsonObject, report: ImportReport) -> Iterator[str]:
    """Yield the addresses at which Bluesky serves the images and the video of a record."""
    embed = as_object(record.get("embed"))
    if "record" in embed:
        report.cut(Cut.QUOTE)
    if "media" in embed:  # app.bsky.embed.recordWithMedia
        embed = as_object(embed.get("media"))
    for image in objects(embed.get("images")):
        if cid := _cid(image.get("image")):
            yield _IMAGE.format(did=did, cid=cid)
    if cid := _cid(embed.get("video")):
        yield _VIDEO.format(did=quote(did, safe=""), cid=cid)


def _cid(blob: object) -> str | None:
    """Return the content id of a blob; blobs of 2022 have it in `cid`."""
    value = as_object(blob)
    cid = as_object(value.get("ref")).get("$link") or value.get("cid")
    return cid if isinstance(cid, str) and cid.isalnum() else None
