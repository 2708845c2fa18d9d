"""docs/operations/troubleshooting.md has a row for each message that an operator can meet.

Messages are taken from the source text: the first argument of every `UserError` and its subclasses,
with a `…` for each hole of an f-string. A row's first cell quotes messages in the same form, or the
beginning of them. Commands (`storyline …`) and what is quoted in parentheses are no messages.

Every quoted message is produced by a test that is marked with it: see tests/support/messages.py.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.messages import HOLE, produces

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/operations/troubleshooting.md"
CODE = ("streams", "jobs")
USAGE = "2"  # the exit code of wrong usage: the message and --help say what is right
MIN_LETTERS = 8  # fewer literal letters: the text is another error's, passed on

NOT_OPERATING = {
    "wrong arguments: the message names what is right": (
        "… is none of Storyline's topics",
        "there is no log of …",
        "there is no server called …",
        "there is no worker called …",
        "… is not a directory",
        "… has no log yet",
        "what was used so long ago is not kept",
        "there is nothing to draw: no column after the first holds numbers",
        "there is no dead letter at …",
        "… cannot be the name of a keyspace",
        "… cannot be the name of a database or of a role",
        "port … is given twice: … and …",
    ),
    "files of recorded data, for `storyline load`": (
        "more than … lines do not fit the ids of a second",
        "… is missing",
        "… does not exist",
        "… contains no file that ends in …",
        "… holds no interaction up to there",
        "… is damaged after line …: …",
    ),
    "the demonstration's own checks": (
        "the post did not arrive",
        "the change did not reach the lake",
        "the accounts database is empty",
    ),
}
"""Messages without a row, by the reason. Each must still be one of the code's."""


class Message(NamedTuple):
    """A message of the code; `where` is file:line, `exit_code` its source text."""

    text: str
    where: str
    exit_code: str


class Row(NamedTuple):
    """A row of the page: quoted messages, and the advice."""

    quoted: tuple[str, ...]
    advice: str


@cache
def trees() -> dict[str, ast.Module]:
    """Return file -> syntax tree of the code."""
    files = (path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py")))
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in files
    }


def name_of(node: ast.expr) -> str | None:
    """Return the last part of a name: `UserError` of `errors.UserError`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None


@cache
def error_classes() -> frozenset[str]:
    """Return `UserError` and the classes derived from it, at any depth."""
    classes = [
        node for tree in trees().values() for node in ast.walk(tree) if type(node) is ast.ClassDef
    ]
    found = {"UserError"}
    while more := {node.name for node in classes if found & set(map(name_of, node.bases))} - found:
        found |= more
    return frozenset(found)


def text_of(node: ast.expr) -> str:
    """Return a string expression's text with a hole for whatever is computed."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            text = "".join(map(text_of, parts))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            text = text_of(left) + text_of(right)
        case _:
            return HOLE
    return re.sub(f"{HOLE}+", HOLE, text)


def letters(text: str) -> int:
    return sum(map(str.isalpha, text))


@cache
def messages() -> tuple[Message, ...]:
    """Return the messages of the code that have words of their own."""
    return tuple(
        Message(text, f"{file}:{node.lineno}", code)
        for file, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and name_of(node.func) in error_classes() and node.args
        for text in [text_of(node.args[0])]
        for code in [
            next((ast.unparse(k.value) for k in node.keywords if k.arg == "exit_code"), "1")
        ]
        if letters(text) >= MIN_LETTERS
    )


@cache
def texts() -> tuple[str, ...]:
    """Return every string of the code, docstrings aside: some messages are made of parts.

    Migrations in SQL raise messages, too; a `%` is their hole.
    """
    migrations = (path for folder in CODE for path in sorted((ROOT / folder).rglob("*.sql")))
    raised = [path.read_text(encoding="utf-8").replace("%", HOLE) for path in migrations]
    return (*raised, *_strings())


def _strings() -> Iterator[str]:
    return (
        text_of(node)
        for tree in trees().values()
        for node in code_nodes(tree)
        if isinstance(node, ast.JoinedStr)
        or (type(node) is ast.Constant and type(node.value) is str)
    )


def code_nodes(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions in a tree but statements of a mere string, which are docstrings."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.expr):
            yield child
        yield from code_nodes(child)


@cache
def rows() -> tuple[Row, ...]:
    """Return the rows of the page's tables of messages."""
    found, inside = [], False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells[:1] == ["what you see"]:
            inside = True
        elif not cells:
            inside = False
        elif inside and not set(cells[0]) <= {"-"}:
            found.append(Row(tuple(quoted_messages(cells[0])), cells[1]))
    return tuple(found)


def quoted_messages(cell: str) -> Iterator[str]:
    """Yield the messages that a cell quotes."""
    parts = cell.split("`")
    depth = 0
    for text, quoted in zip(parts[::2], parts[1::2], strict=False):
        depth += text.count("(") - text.count(")")
        if not depth and not quoted.startswith("storyline "):
            yield quoted


def pattern(quoted: str) -> str:
    """Return the regular expression of a quoted text: a hole matches any text."""
    return ".*".join(map(re.escape, quoted.split(HOLE)))


def is_quoted(text: str) -> bool:
    return any(
        re.match(pattern(quoted), text, re.DOTALL)
        for row in rows()
        for quoted in row.quoted
        if letters(quoted) >= MIN_LETTERS
    )


def test_every_message_for_an_operator_has_a_row() -> None:
    excused = {text for reason in NOT_OPERATING.values() for text in reason}
    missing = [
        f"{message.where}: {message.text}"
        for message in messages()
        if message.exit_code != USAGE and message.text not in excused
        if not is_quoted(message.text)
    ]
    assert not missing, f"no row in {PAGE.name} begins like:\n" + "\n".join(missing)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.quoted[0])
def test_every_row_quotes_a_message_of_the_code_and_gives_advice(row: Row) -> None:
    assert row.advice
    for quoted in row.quoted:
        wanted = re.compile(pattern(quoted.strip(f"{HOLE} ")), re.DOTALL)
        assert any(wanted.search(text) for text in texts()), f"the code has no text like {quoted!r}"


def marked_texts(tree: ast.AST, *, in_test: bool = False) -> Iterator[str]:
    """Yield the texts that tests of a module are marked with, and parameters of tests."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.FunctionDef(name=name):
                yield from marked_texts(node, in_test=name.startswith("test_"))
            case ast.Call(func=func, args=args) if name_of(func) == produces.name:
                assert in_test, f"line {node.lineno}: no test is marked"
                yield from map(ast.literal_eval, args)
            case _:
                yield from marked_texts(node, in_test=in_test)


@cache
def produced() -> dict[str, list[str]]:
    """Return quoted text -> files of the tests that fail if they do not produce it."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        source = path.read_text(encoding="utf-8")
        if produces.name in source:
            for text in marked_texts(ast.parse(source)):
                found.setdefault(text, []).append(str(path.relative_to(ROOT)))
    return found


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.quoted[0])
def test_every_row_is_produced_by_a_test(row: Row) -> None:
    assert row.quoted
    missing = [quoted for quoted in row.quoted if quoted not in produced()]
    assert not missing, f"no test is marked with `produces`: {missing}"


def test_every_marked_text_is_quoted_by_a_row() -> None:
    quoted = {text for row in rows() for text in row.quoted}
    assert produced().keys() <= quoted, f"the page does not quote {produced().keys() - quoted}"


def test_every_exception_is_a_message_of_the_code() -> None:
    known = {message.text for message in messages()}
    listed = {text for reason in NOT_OPERATING.values() for text in reason}
    assert listed <= known, f"gone from the code: {sorted(listed - known)}"


def test_enough_messages_are_found() -> None:
    """A change of how errors are raised must not leave the other tests without anything to do."""
    assert {"UserError", "LakeError", "PublishError"} <= error_classes()
    assert len(messages()) > 100
    assert len(rows()) > 50
