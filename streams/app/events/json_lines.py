"""JSON Lines input: one object per line, read one line at a time.

The reader recognises a JSON value that spans several lines, such as a pretty-printed object or an
array, and reports it once. It follows the value to its end, so that no part is taken for a line.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import BinaryIO, Final, NamedTuple

import orjson

MAX_LINE: Final = 1024 * 1024
"""Maximum length of a line in bytes: the broker takes records of up to 1 MiB."""

_MAX_DEPTH: Final = 1000
_OBJECT, _ARRAY = b"{", b"["
_CLOSES: Final = {b"}": _OBJECT, b"]": _ARRAY}
_TOKEN: Final = re.compile(
    rb'[ \t\r\n]*+(?:("[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+")|([{}\[\]:,])'
    rb"|((?:true|false|null|-?\d[\d.eE+-]*+)(?![\w\"]))|($))"
)
_OPENER: Final = re.compile(rb"[ \t\r\n,]*+[{\[]")
_TYPE_KEY: Final = b'"type"'


class JsonLine(NamedTuple):
    """A line of input; `raw` is `None` if `problem` says why the line is not read.

    `end` is the number of bytes read so far. `repeated` marks a value over several lines that
    directly follows another one: it counts as refused, and its problem is already reported.
    """

    number: int
    raw: bytes | None
    end: int
    problem: str | None = None
    repeated: bool = False


def lines_of(stream: BinaryIO) -> Iterator[JsonLine]:
    """Yield the lines that are not blank, with no more than two of them in memory at a time.

    A JSON value over several lines becomes one line with a problem, numbered as its first line.
    """
    number = end = 0
    value: _Spanning | None = None
    reported = False  # whether the last thing yielded was a value over several lines
    while raw := stream.readline(MAX_LINE + 1):
        number += 1
        end += len(raw)
        if value is not None:
            if value.goes_on_with(raw):
                if not value.confirmed:
                    value.confirmed = True
                    yield JsonLine(value.number, None, end, value.problem, reported)
                    reported = True
                value = None if value.has_ended else value
                continue
            if not value.confirmed:
                yield JsonLine(value.number, value.raw, value.end)
                reported = False
            value = None
        if len(raw) > MAX_LINE:
            problem = _too_long(raw)
            while raw and not raw.endswith(b"\n"):
                raw = stream.readline(MAX_LINE)
                end += len(raw)
            yield JsonLine(number, None, end, problem)
        elif raw.startswith(_OBJECT) and raw.endswith(b"}\n"):  # nearly always
            yield JsonLine(number, raw, end)
        elif raw.isspace():
            continue
        else:
            opened = _Spanning.opened_by(number, raw, end)
            if opened is not None and not opened.has_ended:
                value = opened
                continue
            yield (
                JsonLine(number, raw, end)
                if opened is None
                else JsonLine(number, None, end, f"a JSON array, {_ONE_EACH}; {_FIX[_ARRAY]}")
            )
        reported = False
    if value is not None and not value.confirmed:
        yield JsonLine(value.number, value.raw, value.end)


_ONE_EACH: Final = "but a line must hold one object"
_FIX: Final = {
    _OBJECT: "`jq -c .` writes each object on a line of its own",
    _ARRAY: "`jq -c '.[]'` writes each element on a line of its own",
}
_NAMES: Final = {_OBJECT: "object", _ARRAY: "array"}


def _too_long(raw: bytes) -> str:
    problem = f"the line is longer than {MAX_LINE} bytes"
    if raw.lstrip().startswith(_ARRAY):
        problem += f" and begins a JSON array, {_ONE_EACH}; {_FIX[_ARRAY]}"
    return problem


class _Spanning:
    """A JSON value that its first line leaves open, or an array that ends in it."""

    def __init__(self, number: int, raw: bytes, end: int, opener: bytes) -> None:
        self.number = number
        self.raw = raw
        self.end = end
        self.confirmed = False
        self.problem = (
            f"a JSON {_NAMES[opener]} begins here and goes on over the next lines, {_ONE_EACH}; "
            f"{_FIX[opener]}"
        )
        self._syntax = _Syntax()

    @classmethod
    def opened_by(cls, number: int, raw: bytes, end: int) -> "_Spanning | None":
        """Return the value that a line begins, or `None` if the line is to be read as it is."""
        text = raw.strip()
        opener = text[:1]
        if opener not in _NAMES or (opener == _OBJECT and text.endswith(b"}")):
            return None
        value = cls(number, raw, end, opener)
        if not value._syntax.accepts(raw) or (opener == _OBJECT and value.has_ended):
            return None
        return value

    @property
    def has_ended(self) -> bool:
        return self._syntax.has_ended

    def goes_on_with(self, raw: bytes) -> bool:
        """Return whether a further line belongs to the value.

        The line does not belong to it if JSON allows no such text there: the first line was merely
        cut off. A complete object where an event has none is the next event.
        """
        if len(raw) > MAX_LINE or (self._syntax.may_be_an_event and _is_object(raw)):
            return False
        return self._syntax.accepts(raw)


def _is_object(raw: bytes) -> bool:
    if not raw.lstrip().startswith(_OBJECT):
        return False
    try:
        return isinstance(orjson.loads(raw), dict)
    except orjson.JSONDecodeError:
        return False


class _Expected(Enum):
    """Tokens that the grammar allows next."""

    VALUE = auto()
    VALUE_OR_END = auto()
    KEY = auto()
    KEY_OR_END = auto()
    COLON = auto()
    COMMA_OR_END = auto()


class _Syntax:
    """The JSON grammar (RFC 8259) as a pushdown automaton over lines.

    The automaton keeps the open brackets only. If one value ends and another begins in a line, it
    goes on with the other.
    """

    def __init__(self) -> None:
        self._open: list[bytes] = []
        self._expected = _Expected.VALUE
        self._has_type = False

    @property
    def has_ended(self) -> bool:
        return not self._open

    @property
    def may_be_an_event(self) -> bool:
        """Return whether an object on the next line would be another event, not a part of this
        value: events hold no objects."""
        return self._open[:1] == [_OBJECT] and (self._has_type or len(self._open) == 1)

    def accepts(self, line: bytes) -> bool:
        """Consume a line, and return whether JSON allows its text here.

        After `False` the state of the automaton is meaningless.
        """
        at = 0
        while found := _TOKEN.match(line, at):
            text, mark, word, finished = found.groups()
            if finished is not None:
                return True
            if not (self._mark(mark) if mark else self._scalar(text, word)):
                return False
            at = found.end()
            if self.has_ended:
                following = _OPENER.match(line, at)
                if following is None:
                    return True
                at = following.end() - 1
                self._expected = _Expected.VALUE
        return False

    def _scalar(self, text: bytes | None, word: bytes | None) -> bool:
        if text is not None and self._expected in (_Expected.KEY, _Expected.KEY_OR_END):
            self._has_type = self._has_type or (text == _TYPE_KEY and len(self._open) == 1)
            self._expected = _Expected.COLON
            return True
        if (text is None and word is None) or not self._wants_value():
            return False
        self._expected = _Expected.COMMA_OR_END
        return bool(self._open)

    def _wants_value(self) -> bool:
        return self._expected in (_Expected.VALUE, _Expected.VALUE_OR_END)

    def _mark(self, mark: bytes) -> bool:
        match mark:
            case b"{" | b"[":
                if not self._wants_value() or len(self._open) == _MAX_DEPTH:
                    return False
                self._open.append(mark)
                self._expected = _Expected.KEY_OR_END if mark == _OBJECT else _Expected.VALUE_OR_END
                return True
            case b"}" | b"]":
                return self._close(mark)
            case b":":
                fits = self._expected is _Expected.COLON
                self._expected = _Expected.VALUE
                return fits
        fits = self._expected is _Expected.COMMA_OR_END
        in_object = self._open[-1:] == [_OBJECT]
        self._expected = _Expected.KEY if in_object else _Expected.VALUE
        return fits

    def _close(self, mark: bytes) -> bool:
        ends = {_Expected.COMMA_OR_END, _Expected.KEY_OR_END, _Expected.VALUE_OR_END}
        if self._expected not in ends or self._open[-1:] != [_CLOSES[mark]]:
            return False
        self._open.pop()
        self._expected = _Expected.COMMA_OR_END
        return True
