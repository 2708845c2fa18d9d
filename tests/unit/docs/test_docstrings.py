"""Docstrings, messages, help and pages follow docs/style.md as far as a machine can see."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.cli.main import COMMANDS, command_of

ROOT = Path(__file__).parents[3]
FILES = sorted(path for folder in ("streams", "jobs") for path in (ROOT / folder).rglob("*.py"))
OPENING = re.compile(
    r"(Who|What|Whose|Whom|Where|How|When|Whether|Of|Those|As|The same|That|Which|Not|No|If|See)\b"
)
WORD = re.compile(
    r"\b(told|tells?|anew|whom|meanwhile|lacks?|stands?|lies|bears?|puts? right|for ever"
    r"|somebody|nobody|at hand|in hand|held up|beside|whoever|likewise)\b",
    re.IGNORECASE,
)
CODE = re.compile(r"```.*?```|`[^`]+`|\]\([^)]*\)|^ {4}[^\n]*$", re.DOTALL | re.MULTILINE)
EXEMPT = {
    "style.md": "names the words",
    "data-dictionary.md": "repeats comments of the tables, which are versioned",
}
NOT_MESSAGES = {
    "streams/contracts/bronze.py": "comments of tables, which are versioned",
    "streams/contracts/tables.py": "comments of tables, which are versioned",
    "streams/contracts/cdc.py": "a note that is stored in the lake",
    "streams/generate/people.py": "names of animals",
    "streams/generate/words.py": "sentences of synthetic people",
    "streams/stack/servers/postgres.py": "nobody, the account",
}
"""Files with strings that no operator reads as a message, and what those strings are."""
PAGES = [
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.name not in EXEMPT),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
]
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of each docstring; help of commands is checked as it is printed."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, _Documented) and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), text


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of each string, and of each literal part of an f-string."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_follow_the_style(path: Path) -> None:
    found = [
        f"{path.name}:{line}: {hit[0]!r} in {text.splitlines()[0]!r}"
        for line, text in docstrings(path)
        if (hit := OPENING.match(text) or WORD.search(text))
    ]
    assert found == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_messages_avoid_the_words(path: Path) -> None:
    found = [f"{line}: {text!r}" for line, text in strings(path) if WORD.search(text)]
    assert bool(found) == (str(path.relative_to(ROOT)) in NOT_MESSAGES), found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_follow_the_style(page: Path) -> None:
    text = CODE.sub(lambda code: "\n" * code[0].count("\n"), page.read_text(encoding="utf-8"))
    lines = text.splitlines()
    assert [line for line in lines if WORD.search(line)] == []


def helps(command: Any) -> Iterator[str]:
    """Yield the help of a command, of its verbs and of their options."""
    yield command.help or ""
    for param in command.params:
        yield getattr(param, "help", "") or ""
    for verb in getattr(command, "commands", {}).values():
        yield from helps(verb)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_follows_the_style(name: str) -> None:
    texts = (COMMANDS[name][1], *helps(command_of(name)))
    assert [text for text in texts if OPENING.match(text) or WORD.search(text)] == []
