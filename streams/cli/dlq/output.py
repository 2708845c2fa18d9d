"""How dead letters are told: as JSON, as tables, as one whole."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson
import typer

from streams.cli.common.output import err, visible

if TYPE_CHECKING:
    from streams.dlq.model import DeadLetter
    from streams.dlq.replay import Replay
    from streams.runtime.dead_letters.attempts import RecordPosition


def letter_json(letter: "DeadLetter") -> dict[str, Any]:
    """A letter without its content; times are RFC 3339."""
    from streams.contracts.times import format_time

    latest, actions = letter.latest, letter.actions
    return {
        "position": str(latest.position),
        "origin": str(letter.id.origin),
        "topic": letter.topic,
        "group": letter.id.group,
        "code": latest.code,
        "message": latest.message,
        "first_seen": format_time(letter.first_seen),
        "last_seen": format_time(latest.append_time),
        "attempts": letter.attempts,
        "copies": [str(copy.position) for copy in letter.copies],
        "state": str(letter.state),
        "actions": [
            {"action": str(action.state), "at": format_time(action.at), "why": action.why}
            for action in actions
        ],
    }


def summary(letters: "Sequence[DeadLetter]") -> list[dict[str, Any]]:
    """Letters per topic, code and group: in all, and in each state."""
    from streams.dlq.model import DeadLetterState

    counts: dict[tuple[str, str, str], Counter[DeadLetterState]] = {}
    for letter in letters:
        kind = (letter.topic, letter.latest.code, letter.id.group)
        counts.setdefault(kind, Counter())[letter.state] += 1
    return [
        {
            "topic": topic,
            "code": code,
            "group": group,
            "letters": states.total(),
            **{str(state): states[state] for state in DeadLetterState},
        }
        for (topic, code, group), states in sorted(counts.items())
    ]


def print_letters(letters: "Sequence[DeadLetter]", limit: int) -> None:
    """The summary, then at most `limit` letters; lines, so that no position is cut short."""
    if not letters:
        typer.echo("no dead letters")
        return
    kinds = summary(letters)
    _print_columns([tuple(kinds[0]), *(tuple(kind.values()) for kind in kinds)])
    columns = ("position", "state", "attempts", "first_seen", "code", "group", "message")
    rows = [letter_json(letter) for letter in letters[:limit]]
    if rows:
        typer.echo()
        _print_columns([columns, *([row[column] for column in columns] for row in rows)])
    if len(letters) > limit:
        more = counted(len(letters) - limit, "letter")
        typer.echo(f"{more} more: choose fewer, or see more with --limit")


def print_whole(at: "RecordPosition", shown: dict[str, Any]) -> None:
    """Everything about one letter, a line each."""
    about = {**shown["letter"], "stage": shown["dead_letter"].get("stage")}
    content = {
        name: shown[name] for name in ("key", "event", "value_base64", "error") if name in shown
    }
    rows: list[tuple[str, Any]] = [("dead letter", at), *about.items(), *content.items()]
    rows += [("header", _header(header)) for header in shown["headers"]]
    _print_columns([(name.replace("_", " "), _text(value)) for name, value in rows])


def counted(number: int, thing: str) -> str:
    """`1 record`, `1,000 records`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def topics_of(plan: "Sequence[Replay]") -> str:
    """How many records go to which topics."""
    counts = Counter(item.topic for item in plan)
    return ", ".join(f"{topic} ({count})" for topic, count in sorted(counts.items()))


@contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, if that is a terminal; told how many are done."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def _print_columns(rows: Sequence[Sequence[Any]]) -> None:
    """Rows whose columns stand below each other; the last one ends where it ends."""
    texts = [[visible(str(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(padded).rstrip())


def _text(value: Any) -> str:
    match value:
        case None:
            return "null"
        case list() | dict():
            return orjson.dumps(value).decode()
        case _:
            return str(value)


def _header(header: dict[str, Any]) -> str:
    (_, name), (form, value) = header.items()
    return f"{name}: {value}{' (base64)' if form == 'value_base64' else ''}"
