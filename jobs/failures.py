"""Messages for errors of jobs, built while Spark's JVM can still be queried about them."""

import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.errors import PySparkException

from jobs.lake import Lake
from jobs.queries import UnbalancedError
from jobs.session import jvm_answers

_NAMED: Final = re.compile(r"^\[([A-Z][A-Z0-9_.]+)\]")
_WRAPPERS: Final = frozenset(
    {"STREAM_FAILED", "TASK_WRITE_FAILED", "FOREACH_BATCH_USER_FUNCTION_ERROR"}
)
"""Conditions that report only where an error came up."""
_FILE_CONDITIONS: Final = ("FAILED_READ_FILE", "DELTA_FILE_NOT_FOUND")

REBUILD: Final = "start the job over: storyline lake rebuild {table}"
_AGAIN: Final = "nothing of the batch is written; the next round tries again"
_HINTS: Final[Mapping[str, str]] = {
    "DELTA_SOURCE_IGNORE_DELETE": REBUILD,
    "DELTA_SOURCE_TABLE_IGNORE_CHANGES": REBUILD,
    "DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE": REBUILD,
    "DELTA_LOG_FILE_NOT_FOUND_FOR_STREAMING_SOURCE": REBUILD,
    "DELTA_MISSING_FILES_UNEXPECTED_VERSION": REBUILD,
    "DELTA_STREAMING_TRAILING_COMMIT_MISSING": REBUILD,
    "DELTA_INVALID_SOURCE_OFFSET_FORMAT": REBUILD,  # this and the next: a damaged checkpoint
    "MALFORMED_LOG_FILE": REBUILD,
    "DELTA_SCHEMA_CHANGED": REBUILD,
    "DELTA_SCHEMA_CHANGED_WITH_VERSION": REBUILD,
    "DELTA_SCHEMA_CHANGED_WITH_STARTING_OPTIONS": REBUILD,
    "DELTA_NOT_NULL_CONSTRAINT_VIOLATED": (
        "nothing of the batch is written; a row of {sources} breaks a rule: "
        "delete it there, then storyline lake rebuild {source}"
    ),
    "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES": (
        "nothing of the batch is written; a row of {sources} breaks a rule: "
        "delete it there, then storyline lake rebuild {source}"
    ),
}
"""Condition -> hint, with `{table}`, `{source}` and `{sources}` of the job."""
_UNNAMED: Final = (
    (re.compile(r"Trying to load a non-existent version"), REBUILD),
    (re.compile(r"next on empty iterator|Incomplete log file|Failed to read log file"), REBUILD),
    (re.compile(r"No content to map due to end-of-input|Unexpected end-of-input"), REBUILD),
    (re.compile(r"No space left on device|Disk quota exceeded"), "free space; " + _AGAIN),
)
"""Text of a Java error without a condition -> hint."""


@dataclass(frozen=True, slots=True)
class Job:
    """Job, as the messages about its failure name it."""

    name: str
    sources: tuple[str, ...]
    """Tables that it reads."""
    target: str
    """Table that `storyline lake rebuild` takes to start the job over."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Description of a failed job."""

    job: str
    message: str
    """One line: the error's own condition and text, the table and the file."""
    hint: str
    """Advice to the operator."""
    detail: str
    """Python's and Java's stack traces."""


class JvmEndedError(Exception):
    """Spark's JVM has ended, and no other job can run."""


def failure_of(job: Job, lake: Lake, error: Exception) -> Failure:
    """Describe the error that ended a job.

    Raises:
        JvmEndedError: the JVM does not answer any more.
    """
    if isinstance(error, UnbalancedError):
        return Failure(
            job.name,
            f"rows do not add up: {error}",
            f"this is a fault of the job, or another writer changed {job.target}; "
            f"keep the tables for an examination, then storyline lake rebuild {job.target}",
            "".join(traceback.format_exception(error)),
        )
    if not jvm_answers():
        raise JvmEndedError(job.name) from None
    message, hint = words(job, lake, list(_messages(error)))
    return Failure(job.name, message, hint, _detail(error))


def words(job: Job, lake: Lake, texts: Sequence[str]) -> tuple[str, str]:
    """Return the message and the hint for an error.

    Args:
        texts: the messages of the error and its causes in Java, the outermost first.
    """
    condition, text = _cause(texts)
    path = _path(texts, lake)
    table, _, file = ("", "", path) if path.startswith("_") else path.partition("/")
    where = [f"table {table}"] if table else []
    if file:
        where.append(f"file {file}")
    message = f"Spark: {_sentence(text)}" + (f" ({', '.join(where)})" if where else "")
    names = {"table": table or job.sources[0], "source": job.sources[0]}
    hint = _hint(condition, text, table, file)
    return message, hint.format(**names, sources=", ".join(job.sources))


def is_of_spark(error: BaseException) -> bool:
    """Return whether the error comes from Spark, Java or the connection to them, or is unbalanced
    rows."""
    return isinstance(error, (PySparkException, Py4JError, ConnectionError, UnbalancedError))


def _messages(error: Exception) -> Iterator[str]:
    """Yield the messages of the error and its causes in Java, the outermost first."""
    java = _java(error)
    if java is None:
        yield str(error)
    while java is not None:
        yield str(java.getMessage() or java.toString())
        java = java.getCause()


def _java(error: BaseException) -> Any:
    return getattr(error, "java_exception", None) or getattr(error, "_origin", None)


def _cause(texts: Sequence[str]) -> tuple[str, str]:
    """Return the first condition that names a cause, and its text; else the innermost text."""
    for text in texts:
        named = _NAMED.match(text)
        if named and named[1] not in _WRAPPERS:
            return named[1], text
    return "", texts[-1]


def _path(texts: Sequence[str], lake: Lake) -> str:
    """Return the path below the lake that the messages name, `""` if there is none."""
    plain = lake.path.removeprefix("file:").rstrip("/")
    root = f"(?:{re.escape(plain)}|{re.escape(quote(plain))})"  # Delta names files by URL
    found = [match[1] for text in texts for match in re.finditer(rf"{root}/([\w.=%/-]+)", text)]
    return max(found, key=len, default="").rstrip("./")


def _sentence(text: str) -> str:
    """Return the first line, without the advice that Spark gives to programmers."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["no reason given"]
    return re.split(r" This is currently not supported\.| SQLSTATE: ", lines[0])[0].strip()


def _hint(condition: str, text: str, table: str, file: str) -> str:
    if condition.startswith(_FILE_CONDITIONS):
        return _for_a_file(table, file)
    if condition in ("PATH_NOT_FOUND", "DELTA_TABLE_NOT_FOUND", "DELTA_SCHEMA_NOT_SET"):
        if table.startswith("bronze_") or not table:
            return (
                "the lake worker makes it: storyline run lake; then storyline lake rebuild {table}"
            )
        return REBUILD
    if condition in _HINTS:
        return _HINTS[condition]
    for pattern, hint in _UNNAMED:
        if pattern.search(text):
            return hint
    return f"{_AGAIN}; --debug shows the Java side"


def _for_a_file(table: str, file: str) -> str:
    if not table.startswith("bronze_"):
        return REBUILD
    if file.startswith("_delta_log"):
        return (
            "restore the file; if it is the newest commit, cut off by a power failure, remove it, "
            "then storyline lake rebuild {table}"
        )
    return (
        "restore the file, or move {table} away and restart the lake worker, which reads its "
        "topic again; then storyline lake rebuild {table}"
    )


def _detail(error: BaseException) -> str:
    """Return Python's stack and Java's, which is available only while the JVM answers."""
    python = "".join(traceback.format_tb(error.__traceback__))
    java = _java(error)
    # Delta's own classes for concurrent commits hold Java's stack as text alone.
    text = getattr(error, "_stackTrace", None) or str(error) if java is None else _stack_of(java)
    return f"{python}{type(error).__name__}: {text}"


def _stack_of(java: Any) -> str:
    jvm = SparkContext._jvm
    if jvm is None:
        return str(java.toString())
    writer = jvm.java.io.StringWriter()
    java.printStackTrace(jvm.java.io.PrintWriter(writer))
    return str(writer.toString())
