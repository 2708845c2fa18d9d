"""Numbers in the headers of replayed records, of every length that can be written."""

import pytest

from streams.record import RecordPosition, parse_position
from streams.runtime.dead_letters.attempts import Attempts, attempt_headers, attempts_of, counted
from streams.runtime.dead_letters.header_names import (
    ATTEMPTS_HEADER,
    FIRST_SEEN_HEADER,
    ORIGIN_HEADER,
)

ORIGIN = RecordPosition("social.likes.v1", 3, 7)
LONGEST = 18


@pytest.mark.parametrize("digits", range(1, LONGEST + 1))
def test_numbers_of_any_length_are_read(digits: int) -> None:
    number = int("1" + "0" * (digits - 1))
    past = Attempts(ORIGIN._replace(offset=number), number, number)
    assert attempts_of(attempt_headers(past)) == past


@pytest.mark.parametrize("failures", [1, 9, 10, 11, 99, 100])
def test_next_failure_counts_one_more(failures: int) -> None:
    headers = attempt_headers(Attempts(ORIGIN, 5, failures))
    assert counted(headers) == ((ATTEMPTS_HEADER, b"%d" % (failures + 1)),)


@pytest.mark.parametrize("value", [b"1" * (LONGEST + 1), b"", b"-1", b"1.0", b" 1", b"\xd9\xa1"])
@pytest.mark.parametrize("header", [ATTEMPTS_HEADER, FIRST_SEEN_HEADER])
def test_headers_of_another_writer_count_for_nothing(header: str, value: bytes) -> None:
    headers = dict(attempt_headers(Attempts(ORIGIN, 5, 2))) | {header: value}
    assert attempts_of(tuple(headers.items())) is None
    assert counted(tuple(headers.items())) == ()


@pytest.mark.parametrize("partition", [0, 9, 10, 123_456_789])
def test_position_is_parsed_as_it_is_written(partition: int) -> None:
    position = RecordPosition("a.B-c_1", partition, 10**17)
    assert parse_position(str(position)) == position


@pytest.mark.parametrize("text", ["t:1", "t:1:2:3", "t::2", "t:1234567890:2", "t:1:2\n", "t :1:2"])
def test_text_that_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not topic:partition:offset"):
        parse_position(text)
    headers = attempt_headers(Attempts(ORIGIN, 5, 2))
    assert attempts_of((*headers, (ORIGIN_HEADER, text.encode()))) is None
