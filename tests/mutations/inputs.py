"""Seeded bugs in reading ids, times, text and JSON lines, and in printing what was read."""

from tests.mutations.mutation import Mutation

_TIMES = "streams/contracts/times.py"
_LINES = "streams/app/events/json_lines.py"
_OUTPUT = "streams/cli/common/output.py"
_TIME_TESTS = ("tests/unit/cli/test_times.py",)
_LINE_TESTS = ("tests/unit/app/test_json_lines.py",)
_TAG_TESTS = ("tests/property/test_tags_property.py",)
_VERDICT_TESTS = ("tests/contract/test_examples.py",)

INPUTS = (
    Mutation(
        "tag-of-some-scripts-refused",
        "`storyline hashtag` refuses tags with zero-width joiners, which posts carry",
        "parse_tag",
        "    if not key:\n",
        "    if not key or not text.isprintable():\n",
        _TAG_TESTS,
    ),
    Mutation(
        "long-key-refused",
        "a tag whose key is longer than the tag cannot be read by its key",
        "streams/contracts/tags.py",
        "MAX_TAG_KEY: Final = 18 * MAX_HASHTAG",
        "MAX_TAG_KEY: Final = MAX_HASHTAG",
        _TAG_TESTS,
    ),
    Mutation(
        "title-read-as-markup",
        "a tag with square brackets ends the command with an error, or is not shown",
        "print_table",
        "title=None if title is None else _plain(title)",
        "title=title",
        _TAG_TESTS,
    ),
    Mutation(
        "escape-reaches-the-terminal",
        "text of a post can clear the reader's screen or change its colours",
        _OUTPUT,
        '_UNPRINTABLE = re.compile(r"[\\x00-\\x1f',
        '_UNPRINTABLE = re.compile(r"[\\x00-\\x1a',
        _TAG_TESTS,
    ),
    Mutation(
        "longest-id-refused",
        "ids of 19 digits, which all snowflakes of today have, are refused",
        "streams/contracts/ids.py",
        "len(digits) > _MAX_DIGITS",
        "len(digits) >= _MAX_DIGITS",
        ("tests/unit/contracts/test_ids.py",),
    ),
    Mutation(
        "before-the-year-1-applied",
        "views apply an event that no table of the lake can hold",
        "_all_within",
        "(first <= least and greatest <= last)",
        "(greatest <= last)",
        _VERDICT_TESTS,
    ),
    Mutation(
        "after-the-year-9999-applied",
        "views apply an event that no table of the lake can hold",
        "_all_within",
        "(first <= least and greatest <= last)",
        "(first <= least)",
        _VERDICT_TESTS,
    ),
    Mutation(
        "time-of-the-year-0-no-suspect",
        "views apply an event that no table of the lake can hold",
        "_masks",
        "pc.less(times, FIRST_MS)",
        "pc.less(times, 2 * FIRST_MS)",
        _VERDICT_TESTS,
    ),
    Mutation(
        "year-9999-refused",
        "the last millisecond that an event may have is refused",
        "parse_time",
        "if not FIRST_MS <= at_ms <= LAST_MS:",
        "if not FIRST_MS <= at_ms < LAST_MS:",
        _TIME_TESTS,
    ),
    Mutation(
        "lower-case-time-refused",
        "times with t or z, which RFC 3339 allows, are refused",
        _TIMES,
        "[Tt ](?:",
        "[T ](?:",
        _TIME_TESTS,
    ),
    Mutation(
        "offset-turned-round",
        "a time with an offset is wrong by twice the offset",
        "parse_time",
        'at_ms += offset if sign == "-" else -offset',
        'at_ms -= offset if sign == "-" else -offset',
        _TIME_TESTS,
    ),
    Mutation(
        "two-digits-are-hundredths-no-more",
        "a fraction of fewer than three digits is read as milliseconds",
        "parse_time",
        'int(fraction[:3].ljust(3, "0"))',
        "int(fraction[:3])",
        _TIME_TESTS,
    ),
    Mutation(
        "leap-second-at-any-time",
        "12:00:60 is read as 12:01 rather than refused",
        "parse_time",
        "    if leap and not _begins_month(at_ms):\n",
        "    if leap and not at_ms:\n",
        _TIME_TESTS,
    ),
    Mutation(
        "leap-second-lost",
        "a leap second is read as the second before it",
        "parse_time",
        "        at_ms += 1000\n",
        "        pass\n",
        _TIME_TESTS,
    ),
    Mutation(
        "part-of-a-document-published",
        "the last element of an array is published, the others are not",
        "_Syntax.may_be_an_event",
        "return self._open[:1] == [_OBJECT] and (self._has_type or len(self._open) == 1)",
        "return True",
        _LINE_TESTS,
    ),
    Mutation(
        "cut-off-line-takes-the-next",
        "the good line behind a truncated one is not published",
        "_Spanning.goes_on_with",
        "if len(raw) > MAX_LINE or (self._syntax.may_be_an_event and _is_object(raw)):",
        "if len(raw) > MAX_LINE:",
        _LINE_TESTS,
    ),
    Mutation(
        "message-per-printed-object",
        "a file of a thousand pretty-printed objects gives a thousand messages",
        _LINES,
        "                    reported = True\n",
        "                    reported = False\n",
        _LINE_TESTS,
    ),
    Mutation(
        "message-at-the-end-only",
        "an endless array on standard input is never reported",
        _LINES,
        "                if not value.confirmed:\n                    value.confirmed = True\n",
        "                if value.has_ended:\n                    value.confirmed = True\n",
        _LINE_TESTS,
    ),
    Mutation(
        "dead-letters-as-produced",
        "clients without LZ4 cannot read dead letters",
        "TopicSpec.dlq_config",
        '            "compression.type": DLQ_CODEC,\n',
        "",
        ("tests/contract/test_catalog.py",),
    ),
)
