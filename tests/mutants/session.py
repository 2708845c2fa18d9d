"""A cosmic-ray session over a random sample of all mutants."""

import ast
import functools
import json
import multiprocessing
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Final, NamedTuple

from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome, WorkItem, WorkResult

from tests.mutants.judge import UNJUDGED, UNREACHED
from tests.mutants.tree import package_of

LONGEST_S: Final = 180
"""Seconds after which a mutant counts as killed by time."""
SAME_BY_DESIGN: Final = re.compile(
    r"core/(ReplaceComparisonOperator_(Eq_Is|Is_Eq|NotEq_IsNot|IsNot_NotEq)$|RemoveDecorator)"
)
"""Operators left out: `==` and `is` differ on no value that is compared here. Annotations and
decorators are left out, too: a mutant of them is not imported, or changes only `slots` and the
like. So is the `*` between parameters, which cosmic-ray takes for a product."""


class Judged(NamedTuple):
    """What became of one mutant."""

    package: str
    file: str
    line: int
    operator: str
    diff: str
    verdict: str
    """`killed`, `timeout`, `survived`, `unreached` if no test runs the line, or `unjudged`."""

    @property
    def lines(self) -> tuple[str, str]:
        """The line that is changed, as it is and as the mutant has it, without indentation."""
        before = (text[1:] for text in self.diff.splitlines() if re.match(r"-(?!--)", text))
        after = (text[1:] for text in self.diff.splitlines() if re.match(r"\+(?!\+\+)", text))
        return " ".join(map(str.strip, before)), " ".join(map(str.strip, after))


def make(folder: Path, *, files: Sequence[str], mark: str) -> Path:
    """Make a session in `folder` with every mutant of the files.

    `folder` holds the copies `tree` and `pristine`, and `reach`. Only tests with the mark judge.
    """
    config, session, tree = folder / "cosmic-ray.toml", folder / "session.sqlite", folder / "tree"
    arguments = (str(folder / "pristine"), str(folder / "reach"), mark)
    judge = shlex.join([sys.executable, "-m", "tests.mutants.judge", *arguments])
    config.write_text(
        "[cosmic-ray]\n"
        f"module-path = {list(files)!r}\n"
        f"timeout = {LONGEST_S}\n"
        "excluded-modules = []\n"
        f"test-command = {json.dumps(judge)}\n"
        '[cosmic-ray.distributor]\nname = "local"\n',
        encoding="utf-8",
    )
    cosmic_ray("init", str(config), str(session), tree=tree)
    return session


def draw(session: Path, tree: Path, *, size: int, seed: int) -> int:
    """Leave `size` mutants of the session, drawn by `seed`, and return how many there were.

    One operator at one place counts once, with one of its replacements: otherwise eleven mutants
    of each `+` would make up most of any sample.
    """
    chance = random.Random(seed)
    with use_db(session, WorkDB.Mode.open) as works:
        every = sorted(works.work_items, key=_order)
        places: dict[tuple[str, tuple[int, int], str], list[WorkItem]] = {}
        for item in every:
            spec = item.mutations[0]
            if not _is_left_out(spec, tree):
                family = spec.operator_name.split("_")[0]
                place = str(spec.module_path), spec.start_pos, family
                places.setdefault(place, []).append(item)
        worth = [chance.choice(items) for items in places.values()]
        sample = {item.job_id for item in chance.sample(worth, min(size, len(worth)))}
        left_out = [item.job_id for item in every if item.job_id not in sample]
        works.set_multiple_results(left_out, WorkResult(WorkerOutcome.SKIPPED))
    return len(worth)


def run(session: Path, pristine: Path, *, processes: int) -> None:
    """Judge the mutants of a session that are not judged yet, in random order.

    Each process makes its mutants in a copy of its own, which is new in every run: a run that was
    killed leaves a mutant behind.
    """
    config = tomllib.loads((session.parent / "cosmic-ray.toml").read_text(encoding="utf-8"))
    judge = functools.partial(
        mutate_and_test, test_command=config["cosmic-ray"]["test-command"], timeout=LONGEST_S
    )
    spawning = multiprocessing.get_context("spawn")
    copies = spawning.SimpleQueue()
    for number in range(processes):
        copy = session.parent / f"tree-{number}"
        shutil.rmtree(copy, ignore_errors=True)
        copies.put(shutil.copytree(pristine, copy))
    with (
        use_db(session, WorkDB.Mode.open) as works,
        ProcessPoolExecutor(processes, spawning, _enter, (copies,)) as pool,
    ):
        pending = {
            pool.submit(judge, item.mutations): item.job_id for item in works.pending_work_items
        }
        for ended in as_completed(pending):
            works.set_result(pending[ended], ended.result())


def _enter(copies: "SimpleQueue[Path]") -> None:
    """Let the process work in one of the copies."""
    os.chdir(copies.get())


def judged(session: Path) -> Iterator[Judged]:
    """Yield the mutants of the sample that are judged, in the order of their places."""
    with use_db(session, WorkDB.Mode.open) as works:
        done = [
            (item.mutations[0], result)
            for item, result in works.completed_work_items
            if result.worker_outcome is not WorkerOutcome.SKIPPED
        ]
    for spec, result in sorted(done, key=lambda one: (str(one[0].module_path), one[0].start_pos)):
        file = str(spec.module_path)
        yield Judged(
            package_of(file),
            file,
            spec.start_pos[0],
            spec.operator_name.removeprefix("core/"),
            result.diff or "",
            _verdict(result),
        )


def cosmic_ray(*arguments: str, tree: Path) -> None:
    """Run cosmic-ray in a copy of the tree."""
    command = [sys.executable, "-m", "cosmic_ray.cli", *arguments]
    subprocess.run(command, cwd=tree, check=True)


def _order(item: WorkItem) -> tuple[str, tuple[int, int], str, int]:
    spec = item.mutations[0]
    return str(spec.module_path), spec.start_pos, spec.operator_name, spec.occurrence


def _verdict(result: WorkResult) -> str:
    output = result.output or ""
    if result.test_outcome is None or result.test_outcome is TestOutcome.INCOMPETENT:
        return "unjudged"
    if result.test_outcome is TestOutcome.KILLED:
        return "timeout" if output == "timeout" else "killed"
    if UNREACHED in output:
        return "unreached"
    return "unjudged" if UNJUDGED in output else "survived"


def _is_left_out(spec: MutationSpec, tree: Path) -> bool:
    """Return whether a mutant says nothing about tests; see the module's constants."""
    if SAME_BY_DESIGN.match(spec.operator_name):
        return True
    path = tree / spec.module_path
    row, column = spec.start_pos
    if re.match(r"\*\s*,", path.read_text(encoding="utf-8").splitlines()[row - 1][column:]):
        return True
    return any(begin <= spec.start_pos < end for begin, end in _quiet_places(path))


_Place = tuple[int, int]


@functools.cache
def _quiet_places(path: Path) -> Collection[tuple[_Place, _Place]]:
    """Return where a file's annotations, decorators and markers of arguments begin and end."""
    nodes = _quiet_nodes(ast.parse(path.read_text(encoding="utf-8")))
    return {
        ((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0))
        for node in nodes
    }


def _quiet_nodes(module: ast.Module) -> Iterable[ast.expr | ast.pattern]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from node.decorator_list
            if node.returns:
                yield node.returns
        elif isinstance(node, ast.ClassDef):
            yield from node.decorator_list
        elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            yield node.annotation
        elif isinstance(node, ast.MatchOr):
            yield node
        elif isinstance(node, ast.Assign) and _names_a_type(node):
            yield node.value


def _names_a_type(node: ast.Assign) -> bool:
    """Return whether the assignment is an alias of a type."""
    target = node.targets[0]
    return (
        isinstance(target, ast.Name)
        and target.id.lstrip("_")[:1].isupper()
        and not target.id.isupper()
        and (
            isinstance(node.value, ast.Subscript)
            or (isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.BitOr))
        )
    )
