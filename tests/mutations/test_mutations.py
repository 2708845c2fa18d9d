"""The list of seeded bugs keeps up with the sources."""

from pathlib import Path

import pytest

from tests.mutations import processes
from tests.mutations.mutation import ROOT, Mutation
from tests.mutations.processes import UnsoundError, Verdict, judge
from tests.mutations.seeded import MUTATIONS


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_text_of_each_mutation_occurs_once_in_its_target(mutation: Mutation) -> None:
    assert mutation.applies
    assert mutation.old != mutation.new
    assert all((ROOT / test.partition("::")[0]).exists() for test in mutation.tests)


def test_names_are_unique_and_there_are_enough() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
    assert sum(not mutation.stack for mutation in MUTATIONS) >= 15


def test_a_text_that_is_gone_is_told(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("twice twice")
    for old in ("gone", "twice"):
        with pytest.raises(ValueError, match="its text occurs"):
            Mutation("a", "b", "./file.py", old, "new").apply(tmp_path)


@pytest.mark.parametrize("target", ["NoSuchClass", "thread"])
def test_target_must_name_one_class_or_function(target: str) -> None:
    with pytest.raises(ValueError, match=f"{target} names"):
        Mutation("a", "b", target, "old", "new").applies  # noqa: B018 - a property that raises


@pytest.mark.parametrize("target", ["streams/record.py", "parse_position", "Record.position"])
def test_bug_changes_its_text_and_nothing_else(target: str, tmp_path: Path) -> None:
    (tmp_path / "streams").mkdir()
    text = (ROOT / "streams/record.py").read_text()
    (tmp_path / "streams/record.py").write_text(text)
    old = "self.offset)" if target == "Record.position" else "match is None"
    Mutation("a", "b", target, old, "other").apply(tmp_path)
    assert (tmp_path / "streams/record.py").read_text() == text.replace(old, "other")


def test_bug_that_cannot_be_judged_is_raised_after_the_other_verdicts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def of(mutation: Mutation) -> Verdict:
        if mutation is MUTATIONS[0]:
            raise UnsoundError("pytest ended with 3")
        return Verdict(mutation, None, 0.0)

    monkeypatch.setattr(processes, "_judge", of)
    verdicts = judge(MUTATIONS[:3], together=1)
    found = {next(verdicts).mutation.name for _ in range(2)}
    with pytest.raises(UnsoundError, match="ended with 3"):
        next(verdicts)
    assert found == {mutation.name for mutation in MUTATIONS[1:3]}
