"""The rules of `validation` over columns: finds the rows of a batch that may be invalid.

Every row that `validation.check_record` refuses is a suspect; a suspect that it accepts does no
harm. Arithmetic in columns wraps around if an id or time is absurd. This only affects rows that
another rule suspects already: ids must be positive, and times must be in the years 1 to 9999.
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from streams.contracts import validation as rules
from streams.contracts.batch import APPEND_TIME
from streams.contracts.catalog import topic_of
from streams.contracts.events import ContentKind, Surface
from streams.contracts.fields import CREATES, id_fields, time_fields
from streams.contracts.ids import EPOCH_MS, MAX_ID, TIME_SHIFT
from streams.contracts.times import FIRST_MS, LAST_MS


def possibly_invalid(
    record_type: str, columns: pa.RecordBatch, keys: Sequence[bytes | None]
) -> list[int]:
    """Return the numbers, ascending, of the rows that `validation.check_record` has to judge."""
    masks = list(_masks(record_type, columns, keys))
    suspect = masks[0]
    for mask in masks[1:]:
        suspect = pc.or_(suspect, mask)
    return [] if not pc.any(suspect).as_py() else pc.indices_nonzero(suspect).to_pylist()


def _masks(
    record_type: str, columns: pa.RecordBatch, keys: Sequence[bytes | None]
) -> Iterator[pa.Array]:
    occurred_at = columns.column("occurred_at")
    ahead = pc.add(columns.column(APPEND_TIME), rules.MAX_AHEAD_MS)
    yield pc.greater(occurred_at, ahead)
    body_id = columns.column(topic_of(record_type).key)
    expected = body_id.cast(pa.string()).cast(pa.binary())
    yield pc.fill_null(pc.not_equal(pa.array(keys, pa.binary()), expected), True)
    for name in id_fields(record_type):
        ids = columns.column(name)
        if not _all_within(ids, 1, MAX_ID):
            yield pc.fill_null(pc.less_equal(ids, 0), False)
    for name in time_fields(record_type):
        times = columns.column(name)
        if not _all_within(times, FIRST_MS, LAST_MS):
            yield pc.fill_null(pc.less(times, FIRST_MS), False)
            yield pc.fill_null(pc.greater(times, LAST_MS), False)
    created = CREATES.get(record_type)
    if created is not None:
        yield pc.not_equal(occurred_at, _id_time(columns.column(created)))
    pair = rules.PAIRS.get(record_type)
    if pair is not None:
        yield pc.equal(columns.column(pair[0]), columns.column(pair[1]))
    yield from _own_masks(record_type, columns)


def _own_masks(record_type: str, columns: pa.RecordBatch) -> Iterator[pa.Array]:
    column = columns.column
    match record_type:
        case "PostCreated" | "PostEdited":
            yield pc.greater(pc.list_value_length(column("hashtags")), rules.MAX_HASHTAGS)
            yield pc.greater(pc.list_value_length(column("media")), rules.MAX_MEDIA)
            yield _any_longer(column("hashtags"), rules.MAX_HASHTAG)
            yield _longer(column("text"), rules.MAX_TEXT)
        case "StoryCreated":
            lifetime = pc.subtract(column("expires_at"), column("occurred_at"))
            yield pc.less_equal(column("expires_at"), column("occurred_at"))
            yield pc.greater(lifetime, rules.STORY_MS)
        case "ContentViewed":
            kind, surface = column("content_kind"), column("surface")
            in_tray = pc.equal(surface, Surface.STORY_TRAY.value)
            elsewhere = pc.or_(in_tray, pc.equal(surface, Surface.HIGHLIGHT.value))
            yield pc.and_(pc.equal(kind, ContentKind.POST.value), elsewhere)
            end = pc.add(_id_time(column("content_id")), rules.STORY_MS)
            late = pc.greater_equal(column("occurred_at"), end)
            yield pc.and_(pc.and_(pc.equal(kind, ContentKind.STORY.value), in_tray), late)
        case "CommentCreated":
            yield pc.equal(column("content_kind"), ContentKind.COMMENT.value)
            yield _longer(column("text"), rules.MAX_TEXT)


def _id_time(ids: pa.Array) -> pa.Array:
    return pc.add(pc.shift_right(ids, TIME_SHIFT), EPOCH_MS)


def _all_within(numbers: pa.Array, first: int, last: int) -> bool:
    """Return whether all numbers but nulls are in a range, at a third of the cost of masks."""
    span = pc.min_max(numbers)
    least, greatest = span["min"].as_py(), span["max"].as_py()
    return least is None or (first <= least and greatest <= last)


def _longer(texts: pa.Array, limit: int) -> pa.Array:
    """Return a mask of the strings that may have more than `limit` code points.

    A string has at least as many bytes as code points, so comparing bytes misses none.
    """
    return pc.greater(pc.binary_length(texts), limit)


def _any_longer(lists: pa.Array, limit: int) -> pa.Array:
    """Return a mask of the lists that may hold a string of more than `limit` code points."""
    longer = _longer(lists.flatten(), limit)
    if not pc.any(longer).as_py():  # nearly always true, and much cheaper
        return pa.repeat(False, len(lists))
    rows = pc.list_parent_indices(lists).filter(longer)
    return pc.is_in(pa.array(range(len(lists)), pa.int64()), value_set=rows)
