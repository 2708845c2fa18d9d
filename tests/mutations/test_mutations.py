"""The list of seeded bugs keeps up with the sources."""

from pathlib import Path

import pytest

from tests.mutations.mutation import ROOT, Mutation
from tests.mutations.seeded import MUTATIONS


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_text_of_a_mutation_stands_once_in_the_sources(mutation: Mutation) -> None:
    assert mutation.applies
    assert mutation.old != mutation.new
    assert all((ROOT / test.partition("::")[0]).exists() for test in mutation.tests)


def test_names_are_unique_and_there_are_enough() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
    assert sum(not mutation.stack for mutation in MUTATIONS) >= 15


def test_a_text_that_is_gone_is_told(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("twice twice")
    for old in ("gone", "twice"):
        with pytest.raises(ValueError, match="its text stands"):
            Mutation("a", "b", "file.py", old, "new").apply(tmp_path)
