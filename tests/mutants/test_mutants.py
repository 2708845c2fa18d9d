"""Which mutants are drawn, which tests judge one, and how scores are counted."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cosmic_ray.work_item import MutationSpec

from tests.mutants import judge
from tests.mutants import session as sessions
from tests.mutants.reach import Reach, load, measure, stored
from tests.mutants.report import Equivalent, Score, equivalents, is_equivalent, scores, table
from tests.mutants.session import Judged, _is_left_out
from tests.mutants.tree import PACKAGES, ROOT, copy_tree, package_of, source_files

FILE = "streams/runtime/any.py"
OTHER = "streams/runtime/other.py"
SOURCE = """\
from typing import Final
Text = list[str | None]
LIMIT: Final = 3
@cached(maxsize=5)
def rule(a: int | None, *, b: int) -> bool | None:
    return a == b + 1
match LIMIT:
    case 1 | 2:
        pass
"""
REACH = Reach(
    {FILE: {6: [0, 1, 2], 9: [3]}},
    ["slow.py::a", "quick.py::b", "quick.py::c", "slow.py::d"],
    [50.0, 2.0, 1.0, 3.0],
)


def test_tests_of_a_line_judge_it_and_those_of_the_file_a_line_that_imports_run() -> None:
    assert REACH.of(FILE, [6], SOURCE) == [0, 1, 2]
    assert REACH.of(FILE, [6, 9], SOURCE) == [0, 1, 2, 3]
    assert REACH.of(FILE, [3], SOURCE) == [0, 1, 2, 3]
    assert REACH.of(OTHER, [3], SOURCE) == []


def test_statement_in_function_is_judged_by_tests_that_reach_it_or_by_none() -> None:
    source = (
        "LIMIT = 3\ndef rule(a):\n    if a:\n        return max(\n            1,\n"
        "        )\n    return 2\n"
    )
    reach = Reach({FILE: {3: [0, 1], 4: [1]}}, ["a.py::a", "a.py::b"], [1.0, 1.0])
    assert reach.of(FILE, [5], source) == [1], "the line is part of a statement that one reaches"
    assert reach.of(FILE, [7], source) == [], "no test comes there"
    assert reach.of(FILE, [1], source) == [0, 1]
    assert reach.of(FILE, [2], source) == [0, 1]
    assert reach.by_files().of(FILE, [7], source) == [0], "only the file is known"


def test_quickest_files_judge_first_and_slow_tests_are_left_out_beyond_the_budget() -> None:
    everything = [0, 1, 2, 3]
    quickest = ["quick.py::c", "quick.py::b", "slow.py::d", "slow.py::a"]
    assert judge.chosen(REACH, everything) == quickest
    assert judge.chosen(REACH, everything, 10.0) == quickest[:3]
    assert judge.chosen(REACH, [0]) == ["slow.py::a"], "never none"


def test_judge_that_fails_notices_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.mutants.judge", str(tmp_path), "nowhere", "any"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0
    assert judge.UNJUDGED in ended.stdout


def test_reach_is_kept_by_source_file(tmp_path: Path) -> None:
    REACH.save(tmp_path)
    assert load(tmp_path, FILE) == REACH
    assert load(tmp_path, OTHER).of(OTHER, [1], SOURCE) == []


def test_reach_by_files_adds_up_the_times() -> None:
    assert REACH.by_files() == Reach({FILE: {0: [0, 1]}}, ["quick.py", "slow.py"], [3.0, 53.0])


@pytest.mark.slow
def test_tests_are_measured_with_the_lines_that_they_reach(tmp_path: Path) -> None:
    files = {
        "streams/__init__.py": "",
        "streams/runtime/__init__.py": "",
        FILE: "LIMIT = 3\n\ndef rule(a):\n    if a > LIMIT:\n        return 'more'\n    return a\n",
        "tests/test_any.py": "from streams.runtime.any import rule\n\n"
        "def test_more():\n    assert rule(4) == 'more'\n\n"
        "class TestFew:\n    def test_few(self):\n        assert rule(3) == 3\n",
    }
    for file, text in files.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    reach = measure(tmp_path, ["not slow"], together=0)
    more, few = "tests/test_any.py::test_more", "tests/test_any.py::TestFew::test_few"
    assert set(reach.tests) == {more, few}
    assert [reach.tests[test] for test in reach.of(FILE, [5], files[FILE])] == [more]
    assert [reach.tests[test] for test in reach.of(FILE, [6], files[FILE])] == [few]
    assert len(reach.of(FILE, [1], files[FILE])) == 2
    assert all(took < 1.0 for took in reach.seconds), "none is unknown"


@pytest.mark.slow
def test_session_judges_every_drawn_mutant_and_goes_on_where_it_was_left(tmp_path: Path) -> None:
    """One mutant is killed, one survives and one is in a file that no test reaches."""
    pristine, tree = tmp_path / "pristine", tmp_path / "tree"
    shutil.copytree(ROOT / "tests" / "mutants", pristine / "tests" / "mutants")
    files = {
        "tests/__init__.py": "",
        "streams/__init__.py": "",
        "streams/runtime/__init__.py": "",
        FILE: "def rule(a):\n    print(-a)\n    return -a\n",
        OTHER: "def other(a):\n    return -a\n",
        "tests/test_any.py": "from streams.runtime.any import rule\n\n"
        "def test_rule():\n    assert rule(2) == -2\n",
    }
    for file, text in files.items():
        (pristine / file).parent.mkdir(parents=True, exist_ok=True)
        (pristine / file).write_text(text)
    for package in PACKAGES:
        (pristine / package).mkdir(parents=True, exist_ok=True)
    shutil.copytree(pristine, tree)
    reach = Reach({FILE: {2: [0], 3: [0]}}, ["tests/test_any.py::test_rule"], [0.1])
    reach.save(tmp_path / "reach")
    session = sessions.make(tmp_path, files=[FILE, OTHER], mark="not stack")
    assert sessions.draw(session, tree, size=3, seed=1) == 3
    sessions.run(session, pristine, processes=2)
    verdicts = [(one.file, one.line, one.verdict) for one in sessions.judged(session)]
    assert verdicts == [(FILE, 2, "survived"), (FILE, 3, "killed"), (OTHER, 2, "unreached")]
    sessions.run(session, pristine, processes=1)
    assert len(list(sessions.judged(session))) == 3
    assert (pristine / FILE).read_text() == files[FILE]


def test_failing_test_ends_the_measurement(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_any.py").write_text("def test_any():\n    assert False\n")
    with pytest.raises(RuntimeError, match="fail without any mutation"):
        measure(tmp_path, ["not slow"], together=0)


def test_change_is_found_with_its_lines(tmp_path: Path) -> None:
    pristine, tree = tmp_path / "pristine", tmp_path / "tree"
    for root in (pristine, tree):
        for package in PACKAGES:
            (root / package).mkdir(parents=True)
            (root / package / "any.py").write_text(SOURCE)
    with pytest.raises(LookupError, match="do not differ"):
        judge.changed(pristine, tree)
    (tree / FILE).write_text(SOURCE.replace("b + 1", "b - 1"))
    assert judge.changed(pristine, tree) == (FILE, [6])


@pytest.mark.parametrize(
    ("operator", "place", "left_out"),
    [
        ("ReplaceBinaryOperator_BitOr_Add", (2, 16), True),  # an alias of types
        ("NumberReplacer", (3, 15), False),
        ("NumberReplacer", (4, 16), True),  # in a decorator
        ("ReplaceBinaryOperator_BitOr_Add", (5, 16), True),  # an annotation
        ("ReplaceBinaryOperator_Mul_Add", (5, 24), True),  # no product
        ("ReplaceBinaryOperator_BitOr_Add", (5, 41), True),  # what is returned
        ("ReplaceBinaryOperator_Add_Sub", (6, 18), False),
        ("ReplaceBinaryOperator_BitOr_Add", (8, 11), True),  # in a pattern
        ("ReplaceComparisonOperator_Eq_Is", (6, 13), True),
        ("ReplaceComparisonOperator_Eq_NotEq", (6, 13), False),
    ],
)
def test_mutants_that_say_nothing_are_left_out(
    tmp_path: Path, operator: str, place: tuple[int, int], left_out: bool
) -> None:
    (tmp_path / "any.py").write_text(SOURCE)
    spec = MutationSpec(Path("any.py"), f"core/{operator}", 0, place, (place[0], place[1] + 1))
    assert _is_left_out(spec, tmp_path) == left_out


def judged(verdict: str, package: str = "runtime", after: str = "x = 2") -> Judged:
    diff = f"--- a\n+++ b\n@@ -1 +1 @@\n-    x = 1\n+    {after}"
    return Judged(package, FILE, 1, "NumberReplacer", diff, verdict)


def test_scores_are_the_killed_among_those_that_could_be() -> None:
    known = [Equivalent(FILE, "x = 1", "x = 3", "any")]
    mutants = [
        *(judged(verdict) for verdict in ("killed", "timeout", "survived", "unreached")),
        judged("survived", after="x = 3"),
        judged("killed", "agents", after="x = 3"),
    ]
    found = scores(mutants, known)
    assert list(found) == ["agents", "runtime", "all"]
    assert found["runtime"] == Score(2, 1, 1, 1, 1)
    assert found["all"].share == 3 / 4
    assert Score().share == 1.0
    assert Score(killed=3, unjudged=1).share == 3 / 4
    assert "| runtime | 2 | 3 | 67% | 1 | 1 |" in table(found)


def test_equivalents_are_known_by_their_lines() -> None:
    assert is_equivalent(judged("survived"), [Equivalent(FILE, "x = 1", "*", "any")])
    assert not is_equivalent(judged("survived"), [Equivalent(FILE, "x = 1", "x = 4", "any")])
    assert not is_equivalent(judged("survived"), [Equivalent("other.py", "x = 1", "*", "any")])


def test_list_of_equivalents_keeps_up_with_the_sources() -> None:
    known = equivalents()
    assert len({(one.file, one.line, one.mutant) for one in known}) == len(known)
    for one in known:
        lines = map(str.strip, (ROOT / one.file).read_text("utf-8").splitlines())
        assert one.line in " ".join(lines), one
        assert one.line != one.mutant
        assert len(one.reason) > 10


def test_copy_holds_every_file_that_git_tracks(tmp_path: Path) -> None:
    copy = copy_tree(tmp_path / "copy")
    lists = [
        subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for root in (ROOT, copy)
    ]
    assert sorted(lists[0]) == sorted(lists[1])
    assert {"examples", "streams", "tests"} <= {path.name for path in copy.iterdir()}


def test_stored_reach_knows_most_of_the_sources() -> None:
    kept = stored()
    files = source_files(PACKAGES)
    assert len(set(files) & kept.lines.keys()) > len(files) * 3 / 4
    assert {package_of(file) for file in files} == {
        package.removeprefix("streams/") for package in PACKAGES
    }
    with pytest.raises(ValueError, match="in no package"):
        package_of("streams/cli/main.py")
