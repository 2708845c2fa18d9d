"""The committed data dictionary is that of the declarations."""

from pathlib import Path

from streams.contracts.bronze import lake_tables
from streams.contracts.tables import STAR
from streams.lakehouse.dictionary import data_dictionary

PAGE = Path(__file__).parents[3] / "docs" / "lake" / "data-dictionary.md"


def test_the_committed_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == data_dictionary(), (
        "storyline lake dictionary > docs/lake/data-dictionary.md"
    )


def test_every_table_and_column_is_told_in_its_section() -> None:
    sections = {
        section.split("\n", 1)[0]: section for section in data_dictionary().split("\n### ")[1:]
    }
    for table in (*STAR, *lake_tables()):
        section = sections[table.name]
        assert table.grain in section
        for column in table.columns:
            assert f"| `{column.name}` |" in section
            assert column.comment.replace("|", "\\|") in section
        for name, condition in table.checks:
            assert f"- `{name}`: `{condition}`" in section


def test_rows_of_its_tables_have_four_cells() -> None:
    rows = [line for line in data_dictionary().splitlines() if line.startswith("| ")]
    assert len(rows) > 100
    assert {line.replace("\\|", "").count("|") for line in rows} == {5}
