"""The shipped migrations can be repeated, and files that break the rules are refused."""

import pytest

from streams.migration_files import Migration, in_order
from streams.sinks.cassandra.migrations import shipped


def test_every_shipped_statement_can_be_repeated() -> None:
    statements = [statement for one in shipped() for statement in one.statements]
    assert len(statements) > 10
    assert all(" IF NOT EXISTS " in one or " IF EXISTS " in one for one in statements)


def test_statements_end_with_a_line_and_comments_are_left_out() -> None:
    text = "-- first; not a statement\nCREATE\n  -- inner\n  ONE 'a;b';\n\nTWO;\n"
    assert Migration(1, "x", text).statements == ("CREATE\n  ONE 'a;b'", "TWO")


def test_a_statement_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="TWO …"):
        _ = Migration(1, "x", "ONE;\nTWO\n").statements


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["0001_a.cql", "0003_b.cql"], "without a gap"),
        (["0001_a.cql", "0001_b.cql"], "without a gap"),
        (["0002_a.cql"], "without a gap"),
        (["1_a.cql"], "not named"),
        (["0001-a.cql"], "not named"),
    ],
)
def test_files_must_be_numbered(names: list[str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        in_order((name, "") for name in names)


def test_files_are_taken_by_number() -> None:
    ordered = in_order((name, "") for name in ("0002_b.cql", "0001_z.cql"))
    assert [one.title for one in ordered] == ["0001_z", "0002_b"]
