"""Diagnosis of a failed task from its stack trace: the cause on one line, and advice."""

import re
from typing import Final, NamedTuple

_LONGEST: Final = 300
_EXCEPTION: Final = re.compile(r"^(?:Caused by: )?(?:[\w$]+\.)+([\w$]+)(?:: (.*))?$", re.MULTILINE)

_LIST_OF_DIFFERENCES: Final = re.compile(r", num of incompatible diffs: .*")


class Diagnosis(NamedTuple):
    cause: str
    advice: str


_ADVICE: Final = (
    (
        re.compile(r"columns that differ only by case"),
        "rename or drop the column that was added; the changes made in between cannot be read, so "
        "begin again with a snapshot: storyline cdc drop, then storyline cdc apply",
    ),
    (
        re.compile(r"Incompatible artifact|RuleViolation|UnprocessableSchema", re.IGNORECASE),
        "the registry refuses the table's new schema: undo the change of the table (such as SET "
        "NOT NULL), or set the compatibility of this subject, then: storyline cdc restart",
    ),
    (
        re.compile(r"can no longer get changes from replication slot|slot .* (?:invalidated|lost)"),
        "PostgreSQL invalidated the slot for the room it took; begin again with a snapshot: "
        "storyline cdc drop, then storyline cdc apply",
    ),
    (
        re.compile(r"password authentication failed|role .* does not exist"),
        "check STORYLINE_ACCOUNTS__CDC_USER and STORYLINE_ACCOUNTS__CDC_PASSWORD, then: "
        "storyline migrate, storyline cdc apply",
    ),
    (
        re.compile(r"ConnectException: .*(?:refused|timed out)|ConnectTimeout|UnknownHost"),
        "a server does not answer: storyline status; `storyline cdc watch` restarts the task "
        "when it is back, or do it yourself: storyline cdc restart",
    ),
    (
        re.compile(r"publication .* does not exist|relation .* does not exist|permission denied"),
        "bring the accounts database up to date: storyline migrate, then storyline cdc restart",
    ),
)
_OTHERWISE: Final = "try: storyline cdc restart; storyline logs connect has the whole trace"


def diagnosed(trace: str) -> Diagnosis:
    """Return the innermost cause with its message, and advice that the whole trace decides."""
    advice = next((text for sign, text in _ADVICE if sign.search(trace)), _OTHERWISE)
    return Diagnosis(_cause(trace), advice)


def _cause(trace: str) -> str:
    found = _EXCEPTION.findall(trace)
    parts = [f"{name}: {message}" if message else name for name, message in found]
    innermost = parts[-1] if parts else (trace.strip().splitlines() or ["unknown"])[0]
    line = _LIST_OF_DIFFERENCES.sub("", " ".join(innermost.split()))
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
