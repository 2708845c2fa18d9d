"""The README's first lines for analysts run as they stand."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.app.settings import Settings
from streams.contracts.tables import FACT_ENGAGEMENT
from streams.stack.artifacts.download import fetch
from streams.stack.artifacts.jars import jars_of
from streams.stack.report import Silent
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


def printed(snippet: str, folder: Path, **more: str) -> str:
    """What a snippet prints, run as a person runs it who has never used DuckDB before."""
    environment = more | {
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


COORDINATES = (
    "<groupId>{0.group}</groupId><artifactId>{0.artifact}</artifactId>"
    "<version>{0.version}</version>"
)
IVY = """\
<ivysettings>
  <settings defaultResolver="locked"/>
  <resolvers><ibiblio name="locked" m2compatible="true" root="{}"/></resolvers>
</ivysettings>
"""
SPARK_DEFAULTS = """\
spark.jars.ivy {0}/ivy
spark.jars.ivySettings {0}/ivysettings.xml
spark.sql.shuffle.partitions 2
spark.databricks.delta.snapshotPartitions 2
"""


def maven_repository(folder: Path) -> Path:
    """A Maven repository of the locked jars; delta-spark, the first of them, needs the others."""
    cache = Settings().cache.expanduser().absolute()
    jars = sorted(jars_of("delta"), key=lambda jar: not jar.artifact.startswith("delta-spark"))
    fetch(jars, cache, Silent())
    needed = "".join(f"<dependency>{COORDINATES.format(jar)}</dependency>" for jar in jars[1:])
    for jar in jars:
        path = folder / jar.location
        path.parent.mkdir(parents=True)
        path.symlink_to(jar.path(cache))
        dependencies = f"<dependencies>{needed}</dependencies>" if jar is jars[0] else ""
        path.with_suffix(".pom").write_text(
            f"<project><modelVersion>4.0.0</modelVersion>{COORDINATES.format(jar)}"
            f"{dependencies}</project>"
        )
    return folder


def test_first_three_snippets_have_five_lines() -> None:
    found = snippets()
    assert len(found) == 4
    assert all(len([line for line in text.splitlines() if line]) <= LINES for text in found[:3])


@pytest.mark.parametrize("library", ["duckdb", "polars"])
def test_a_first_data_frame(library: str, folder: Path) -> None:
    assert counts(printed(snippet_of(library), folder)) == FACTS


@pytest.mark.spark
@pytest.mark.parametrize("folder", [ODD], indirect=True)
def test_a_first_data_frame_in_spark(folder: Path) -> None:
    assert counts(printed(snippet_of("lake_session"), folder)) == FACTS


@pytest.mark.spark
@pytest.mark.skipif(shutil.which("java") is None, reason="PySpark needs a Java of the system")
@pytest.mark.parametrize("folder", [ODD], indirect=True)
def test_first_data_frame_in_spark_that_finds_locked_jars_by_itself(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    conf = tmp_path_factory.mktemp("conf")
    (conf / "ivysettings.xml").write_text(IVY.format(maven_repository(conf / "maven").as_uri()))
    (conf / "spark-defaults.conf").write_text(SPARK_DEFAULTS.format(conf))
    out = printed(snippet_of("configure_spark_with_delta_pip"), folder, SPARK_CONF_DIR=str(conf))
    assert counts(out) == FACTS
