"""JSON Lines: good lines as they are, and one message for a value that spans lines."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.app.events.json_lines import MAX_LINE, JsonLine, lines_of
from streams.app.events.publish import LineError, LinePublisher, check_only
from streams.contracts.ids import SnowflakeGenerator

POST = {"type": "PostCreated", "author_id": "1", "text": 'a } " { é', "hashtags": ["x", "y"]}
FOLLOW = {"type": "UserFollowed", "follower_id": "1", "followee_id": "2"}
GOOD = json.dumps(FOLLOW).encode() + b"\n"


def pretty(*values: Any) -> bytes:
    return b"".join(json.dumps(value, indent=2).encode() + b"\n" for value in values)


def read(data: bytes) -> list[JsonLine]:
    return list(lines_of(io.BytesIO(data)))


def published(data: bytes) -> tuple[list[LineError], int, int]:
    """Return what is reported, and how many lines were published and refused."""
    reported: list[LineError] = []
    publisher = LinePublisher(check_only, SnowflakeGenerator(1), reported.append)
    for line in read(data):
        publisher.line(line)
    return reported, publisher.outcome.published, publisher.outcome.refused


@pytest.mark.parametrize(
    ("data", "at", "words", "refused"),
    [
        (pretty(POST), 1, "a JSON object begins here and goes on over the next lines", 1),
        (b"\n" + pretty(POST), 2, "`jq -c .` writes each object on a line", 1),
        (pretty(POST, FOLLOW, POST), 1, "a JSON object begins here", 3),
        (b"\n\n".join([pretty(POST)] * 2), 1, "a JSON object begins here", 2),
        (pretty(POST).replace(b"\n", b"\r\n"), 1, "a JSON object begins here", 1),
        (json.dumps(POST, indent="\t").encode(), 1, "a JSON object begins here", 1),
        (b'{ "type": "UserFollowed",\n "follower_id": "1", "followee_id": "2" }', 1, "`jq", 1),
        (pretty([POST, FOLLOW]), 1, "a JSON array begins here", 1),
        (b"[\n" + GOOD.strip() + b",\n" + GOOD + b"]\n", 1, "`jq -c '.[]'` writes each element", 1),
        (b"[" + GOOD.strip() + b",\n" + GOOD.strip() + b"]\n", 1, "a JSON array begins here", 1),
        (pretty({"events": [POST, FOLLOW]}), 1, "a JSON object begins here", 1),
        (b'{"events": [\n' + GOOD.strip() + b",\n" + GOOD + b"]}", 1, "a JSON object begins", 1),
        (pretty(POST)[:-3], 1, "a JSON object begins here", 1),
        (json.dumps([FOLLOW] * 3).encode() + b"\n", 1, "a JSON array, but a line must hold", 1),
        (json.dumps([FOLLOW] * 20_000).encode(), 1, "bytes and begins a JSON array", 1),
    ],
)
def test_a_value_over_several_lines_is_one_message_and_nothing_of_it_goes(
    data: bytes, at: int, words: str, refused: int
) -> None:
    [error], sent, counted = published(data)
    assert (error.line, error.code) == (at, "malformed")
    assert words in error.message
    assert (sent, counted) == (0, refused)


def test_good_lines_around_it_go_and_each_run_of_them_is_reported() -> None:
    data = GOOD + pretty(POST, POST) + GOOD + GOOD + pretty([POST]) + GOOD.rstrip()
    errors, sent, refused = published(data)
    one = len(pretty(POST).splitlines())
    assert [error.line for error in errors] == [2, 4 + 2 * one]
    assert (sent, refused) == (4, 3)


@pytest.mark.parametrize(
    "cut",
    [
        b'{"type": "UserFollowed"\n',
        b'{"type": "UserFollowed",\n',
        b'{"type":\n',
        b"{\n",
        b'{"type": "PostCreated", "hashtags": ["a",\n',
        b'{"type": "PostCreated", "text": "a\n',
        b"{nope\n",
        b"[nope\n",
        b'{"type": "UserFollowed"} x\n',
        b"nope\n",
        b"}\n",
        b"\xef\xbb\xbf{\n",
    ],
)
def test_a_line_that_is_merely_cut_off_takes_no_other_with_it(cut: bytes) -> None:
    errors, sent, refused = published(GOOD + cut + GOOD + cut + GOOD + cut)
    assert [error.line for error in errors] == [2, 4, 6]
    assert (sent, refused) == (3, 3)
    assert all(error.message.startswith("not JSON") for error in errors)


def test_what_is_no_json_ends_the_value_and_is_read_for_itself() -> None:
    errors, sent, _ = published(b'{\n  "type": "UserFollowed",\n' + GOOD + b"x\n" + GOOD)
    assert [error.line for error in errors] == [1, 4]
    assert sent == 2


class Endless(io.RawIOBase):
    """An array that never ends, in pieces; fails if more of it is read than is needed."""

    def __init__(self) -> None:
        self.lines = 0

    def readline(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002
        self.lines += 1
        assert self.lines < 10
        return b"[\n" if self.lines == 1 else GOOD.strip() + b",\n"


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_the_time_for_a_line_does_not_grow_with_its_square() -> None:
    [line] = read(b"[]" * (MAX_LINE // 2 - 1) + b"\n")
    assert line.problem is not None
    assert line.problem.startswith("a JSON array, ")


def test_a_message_does_not_wait_for_the_end_of_the_value() -> None:
    line = next(lines_of(Endless()))  # type: ignore[arg-type]
    assert (line.number, line.raw) == (1, None)


def test_a_deep_value_and_a_huge_line_inside_are_no_trouble() -> None:
    errors, sent, _ = published(
        b"[\n" * 5000 + GOOD + b"[\n" + b"x" * (2 * MAX_LINE) + b"\n" + GOOD
    )
    assert sent == 2
    assert errors[-1].message == f"the line is longer than {MAX_LINE} bytes"


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@given(
    st.lists(st.dictionaries(st.text(max_size=3), values, min_size=1), min_size=1, max_size=4),
    st.sampled_from([1, 4, "\t"]),
    st.booleans(),
)
def test_any_object_printed_over_lines_is_followed_to_its_end(
    objects: list[dict[str, Any]], indent: int | str, ascii_only: bool
) -> None:
    texts = [json.dumps(each, indent=indent, ensure_ascii=ascii_only) for each in objects]
    data = GOOD + "\n".join(texts).encode() + b"\n" + GOOD
    lines = read(data)
    assert [line.raw for line in lines] == [GOOD, *[None] * len(objects), GOOD]
    assert [line.repeated for line in lines[1:-1]] == [False] + [True] * (len(objects) - 1)
    assert lines[-1].number == len(data.splitlines())
