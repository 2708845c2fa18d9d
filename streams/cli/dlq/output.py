"""Output of dead letters: as JSON, as tables, or one with all its details."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson
import typer

from streams.cli.common.output import visible

if TYPE_CHECKING:
    from streams.dlq.model import DeadLetter
    from streams.dlq.replay import Replay
    from streams.record import RecordPosition


def dead_letter_json(dead_letter: "DeadLetter") -> dict[str, Any]:
    """Return a dead letter's JSON form without its content; times are RFC 3339."""
    from streams.contracts.times import format_time

    latest, decisions = dead_letter.latest, dead_letter.decisions
    return {
        "position": str(latest.position),
        "origin": str(dead_letter.id.origin),
        "topic": dead_letter.topic,
        "group": dead_letter.id.group,
        "code": latest.code,
        "message": latest.message,
        "first_seen": format_time(dead_letter.first_seen),
        "last_seen": format_time(latest.append_time),
        "attempts": dead_letter.attempts,
        "copies": [str(copy.position) for copy in dead_letter.copies],
        "state": str(dead_letter.state),
        "actions": [
            {"action": str(item.state), "at": format_time(item.at), "why": item.reason}
            for item in decisions
        ],
    }


def summary(dead_letters: "Sequence[DeadLetter]") -> list[dict[str, Any]]:
    """Return the number of dead letters per topic, code and group: in all, and in each state."""
    from streams.dlq.model import DeadLetterState

    counts: dict[tuple[str, str, str], Counter[DeadLetterState]] = {}
    for dead_letter in dead_letters:
        kind = (dead_letter.topic, dead_letter.latest.code, dead_letter.id.group)
        counts.setdefault(kind, Counter())[dead_letter.state] += 1
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


def print_dead_letters(dead_letters: "Sequence[DeadLetter]", limit: int) -> None:
    """Print the summary, then at most `limit` dead letters, in lines that cut no position short."""
    if not dead_letters:
        typer.echo("no dead letters")
        return
    kinds = summary(dead_letters)
    _print_columns([tuple(kinds[0]), *(tuple(kind.values()) for kind in kinds)])
    columns = ("position", "state", "attempts", "first_seen", "code", "group", "message")
    rows = [dead_letter_json(dead_letter) for dead_letter in dead_letters[:limit]]
    if rows:
        typer.echo()
        _print_columns([columns, *([row[column] for column in columns] for row in rows)])
    if len(dead_letters) > limit:
        more = counted(len(dead_letters) - limit, "dead letter")
        typer.echo(f"{more} more: choose fewer, or see more with --limit")


def print_details(at: "RecordPosition", shown: dict[str, Any]) -> None:
    """Print everything about one dead letter, one detail per line."""
    about = {**shown["letter"], "stage": shown["dead_letter"].get("stage")}
    content = {
        name: shown[name] for name in ("key", "event", "value_base64", "error") if name in shown
    }
    rows: list[tuple[str, Any]] = [("dead letter", at), *about.items(), *content.items()]
    rows += [("header", _header(header)) for header in shown["headers"]]
    _print_columns([(name.replace("_", " "), _text(value)) for name, value in rows])


def counted(number: int, thing: str) -> str:
    """Return a number with its noun: `1 record`, `1,000 records`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def topics_of(plan: "Sequence[Replay]") -> str:
    """Return a text with the number of records to replay per topic."""
    counts = Counter(item.topic for item in plan)
    return ", ".join(f"{topic} ({count})" for topic, count in sorted(counts.items()))


def _print_columns(rows: Sequence[Sequence[Any]]) -> None:
    """Print rows in aligned columns; the last column is not padded."""
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
