"""What a seeded bug is, and which tests are to notice it."""

import ast
import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

FAST = (
    "tests/unit/runtime/test_runtime_pipeline.py",
    "tests/unit/runtime/test_runtime_positions.py",
    "tests/unit/runtime/test_runtime_batcher.py",
    "tests/unit/runtime/test_runtime_pauses.py",
    "tests/unit/runtime/test_runtime_topic_runner.py",
    "tests/unit/runtime/test_runtime_stalls.py",
    "tests/unit/runtime/test_runtime_limits.py",
    "tests/property/test_unpacking_property.py",
    "tests/simulation/test_schedules.py",
)
"""The runtime's tests that need no servers, the quickest first."""


class Mutation(NamedTuple):
    """One bug: `old` occurs exactly once in `target`, and `new` is what might have been written.

    `tests` are those that must fail with it; only what a broker alone can show needs `stack`.
    """

    name: str
    harm: str
    """What it would do to whoever runs it."""
    target: str
    """A class, `Class.method` or function, wherever it is; a file if the name occurs twice."""
    old: str
    new: str
    tests: tuple[str, ...] = FAST
    stack: bool = False

    @property
    def file(self) -> str:
        """The file of the target, relative to the root of the tree."""
        return _span(self.target)[0]

    @property
    def applies(self) -> bool:
        """Whether the source still has the text, once."""
        return self._parts(ROOT)[1].count(self.old) == 1

    def apply(self, root: Path) -> None:
        """Put the bug into a copy of the tree. Raises ValueError if the text is not there."""
        before, text, after = self._parts(root)
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: its text occurs {text.count(self.old)} times")
        whole = before + text.replace(self.old, self.new) + after
        (root / self.file).write_text(whole, encoding="utf-8")

    def _parts(self, root: Path) -> tuple[str, str, str]:
        """Return the file's text before the target, in it, and after it."""
        file, first, last = _span(self.target)
        lines = (root / file).read_text(encoding="utf-8").splitlines(keepends=True)
        last = len(lines) if last is None else last
        return "".join(lines[:first]), "".join(lines[first:last]), "".join(lines[last:])


def _span(target: str) -> tuple[str, int, int | None]:
    """Return the target's file and the range of its lines, counted from 0.

    Raises:
        ValueError: no class or function has the name, or several have it.
    """
    if "/" in target:
        return target, 0, None
    spans = _symbols().get(target, [])
    if len(spans) != 1:
        raise ValueError(f"{target} names {len(spans)} classes and functions")
    return spans[0]


@functools.cache
def _symbols() -> Mapping[str, Sequence[tuple[str, int, int | None]]]:
    """Return name -> file and lines of each class, method and function outside functions."""
    found: dict[str, list[tuple[str, int, int | None]]] = defaultdict(list)

    def visit(body: Sequence[ast.stmt], file: str, prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                found[prefix + node.name].append((file, first - 1, node.end_lineno))
                if isinstance(node, ast.ClassDef):
                    visit(node.body, file, f"{prefix}{node.name}.")

    for room in ("streams", "jobs", "bench"):
        for path in sorted((ROOT / room).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            visit(tree.body, str(path.relative_to(ROOT)), "")
    return found
