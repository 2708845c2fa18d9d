"""The README's first lines for analysts run as they stand."""

import os
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.app.settings import Settings
from streams.contracts.tables import FACT_ENGAGEMENT
from tests.support.lakes import write_table

ROOT = Path(__file__).parents[3]
FACTS = Counter(view=17, like=11, comment=3)
SECTION = re.compile(r"^## For analysts.*?(?=^## |^`storyline --help`)", re.MULTILINE | re.DOTALL)
SNIPPET = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINES = 5


def snippets() -> list[str]:
    [section] = SECTION.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    found: list[str] = SNIPPET.findall(section)
    return found


def snippet_of(library: str) -> str:
    [found] = [snippet for snippet in snippets() if library in snippet]
    return found


ODD = "a b é#'`{x}=y"
"""Characters that a path may have, and that a URL cannot hold as they are."""


@pytest.fixture(params=["plain", ODD])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder to work in, with a lake where `storyline` puts it."""
    place: Path = tmp_path / request.param
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    rows = [
        {"event_id": number, "event_type": kind, "event_date": at.date(), "occurred_at": at}
        for number, kind in enumerate(FACTS.elements())
    ]
    write_table(Settings(home=place / ".storyline").lake_path, FACT_ENGAGEMENT, rows)
    return place


def printed(snippet: str, folder: Path) -> str:
    """What a snippet prints, run as a person runs it who has never used DuckDB before."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "STORYLINE_CACHE": str(Settings().cache),
    }
    done = subprocess.run(
        [sys.executable, "-c", snippet],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def counts(out: str) -> Counter[str]:
    return Counter({kind: int(count) for kind, count in re.findall(r"(\w+) *[│┆|] *(\d+)", out)})


def test_there_are_three_of_five_lines() -> None:
    found = snippets()
    assert len(found) == 3
    assert all(len([line for line in text.splitlines() if line]) <= LINES for text in found)


@pytest.mark.parametrize("library", ["duckdb", "polars"])
def test_a_first_data_frame(library: str, folder: Path) -> None:
    assert counts(printed(snippet_of(library), folder)) == FACTS


@pytest.mark.spark
@pytest.mark.parametrize("folder", [ODD], indirect=True)
def test_a_first_data_frame_in_spark(folder: Path) -> None:
    assert counts(printed(snippet_of("spark"), folder)) == FACTS
