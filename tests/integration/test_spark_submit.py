"""The jobs by spark-submit, with the command that deploy/ tells, on a Java of the system."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.lake import Lake
from jobs.run import run_once
from jobs.session import LOCAL_CONF, QUICK_JVM
from streams.app.settings import Settings
from streams.contracts.tables import STAR
from streams.stack.artifacts.jars import jars_of
from tests.support.bronze import Bronze
from tests.support.lake_rows import rows_of
from tests.support.small_lake import SEED, later_events
from tests.support.sparks import FEW_ROWS

SUBMIT = Path(__file__).parents[2] / "deploy" / "spark" / "submit.sh"

CONF = {**LOCAL_CONF, **FEW_ROWS, "spark.driver.extraJavaOptions": " ".join(QUICK_JVM)}
"""A cluster's defaults suit large tables: two hundred tasks a shuffle take minutes here."""


def submit(lake: Path, conf: Path) -> list[str]:
    """Run the jobs with Spark's defaults in `conf`; what each batch told."""
    conf.mkdir()
    lines = (f"{key} {value}\n" for key, value in CONF.items())
    (conf / "spark-defaults.conf").write_text("".join(lines))
    cache = Settings().cache.expanduser().absolute()
    jars = ",".join(str(jar.path(cache)) for jar in jars_of("delta"))
    done = subprocess.run(
        [SUBMIT, lake],
        env=os.environ | {"PYTHON": sys.executable, "JARS": jars, "SPARK_CONF_DIR": str(conf)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line)["query"] for line in done.stdout.splitlines()]


@pytest.mark.skipif(shutil.which("java") is None, reason="spark-submit needs a Java of the system")
def test_spark_submit_continues_to_the_same_star(
    spark: SparkSession, small_lake: Path, tmp_path: Path
) -> None:
    """A minute less than from the beginning, and the checkpoints are those of another Spark."""
    submitted, expected = tmp_path / "submitted", tmp_path / "expected"
    shutil.copytree(small_lake, submitted)
    Bronze(submitted).append(later_events())
    shutil.copytree(submitted, expected)
    assert {"dim_posts", "fact_engagement", "fact_follows"} <= set(
        submit(submitted, tmp_path / "conf")
    )
    run_once(spark, Lake(str(expected)))
    for table in STAR:
        rows = rows_of(expected, table.name)
        assert rows, table.name
        assert rows_of(submitted, table.name) == rows, (table.name, SEED)
    for fact in ("fact_engagement", "fact_follows"):
        assert len(rows_of(expected, fact)) > len(rows_of(small_lake, fact)), fact
