"""Every benchmark works: at its smallest it writes what scripts read.

What it finds at that size means nothing, and no figure is judged here. Most benchmarks that
need more than Redis use the servers of this run; the others start their own.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from bench import scd2
from bench.__main__ import BENCHMARKS, main, measured
from bench.report import Report, by_turns
from streams.app.settings import Settings
from streams.app.stack import environment
from tests.support import forked
from tests.support.line import flush_redis

ROOT = Path(__file__).parents[2]
ALONE = ("decode", "questions", "generate", "load", "hit-rates")
IN_SPARK = ("scd2",)
ON_REDIS = ("fanout", "giant", "memory")
WITH_THEIR_OWN = ("bronze", "fanout-line", "line")
SHARING = tuple(
    name for name in BENCHMARKS if name not in (*ALONE, *IN_SPARK, *ON_REDIS, *WITH_THEIR_OWN)
)


def marked(name: str) -> Any:
    return pytest.param(name, marks=() if name in ALONE else pytest.mark.stack)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*map(marked, (*ALONE, *ON_REDIS, *WITH_THEIR_OWN))])
def test_a_benchmark_runs_and_tells_what_it_found(name: str, tmp_path: Path) -> None:
    assert_runs(name, tmp_path, dict(os.environ))


def test_scd2_runs(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the Spark of the tests: a JVM of its own takes a minute longer."""

    @contextmanager
    def here(*_: object, **__: object) -> Iterator[SparkSession]:
        yield spark

    monkeypatch.setattr(scd2, "local_session", here)
    assert_report(measured("scd2", "tiny"), "scd2", capsys.readouterr().out)


@pytest.mark.parametrize("name", SHARING)
def test_benchmark_runs_on_servers_that_already_run(
    name: str, stack: Settings, tmp_path: Path
) -> None:
    own = {"views_version": f"v98{time.time_ns() // 1_000_000}", "lake": tmp_path / "lake"}
    settings = stack.model_copy(update=own)
    assert_runs(name, tmp_path, os.environ | environment(settings), "--running")
    flush_redis(stack)


def assert_runs(name: str, folder: Path, env: dict[str, str], *options: str) -> None:
    """Run a benchmark at its smallest, and check what it prints and writes."""
    file = folder / "found.json"
    arguments = [name, "--size", "tiny", "--json", str(file), *options]
    done = forked.run(main, arguments, env, timeout_s=600)
    assert done.returncode == 0, done.stderr
    assert_report(json.loads(file.read_text(encoding="utf-8")), name, done.stdout)


def assert_report(found: dict[str, Any], name: str, printed: str) -> None:
    assert found.keys() == {"benchmark", "size", "figures", "ratios", "goals"}
    assert (found["benchmark"], found["size"]) == (name, "tiny")
    assert found["figures"]
    for figure, told in found["figures"].items():
        assert told.keys() == {"value", "unit"}
        assert told["value"] >= 0
        assert isinstance(told["unit"], str)
        assert all(part in printed for part in figure.split(": "))  # of a table: row and column
    values = found["ratios"] | {each: told["value"] for each, told in found["figures"].items()}
    for goal, told in found["goals"].items():
        (kind,) = told.keys() - {"met"}
        assert told["met"] is is_met(kind, values[goal], told[kind])


def is_met(kind: str, value: float, bound: float) -> bool:
    return {"at_least": value >= bound, "at_most": value <= bound}[kind]


def test_a_report_keeps_medians_and_judges_ratios_and_figures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report("mine", "tiny", "apples with pears")
    report.figure("apples", "1/s", 30, 10, 20)
    report.figure("pears", "1/s", 4, 6)
    report.ratio("apples", "pears", at_least=4)
    report.ratio("pears", "apples", at_least=0.5)
    report.goal("pears", at_most=4.9)
    assert report.json() == {
        "benchmark": "mine",
        "size": "tiny",
        "figures": {
            "apples": {"value": 20, "unit": "1/s"},
            "pears": {"value": 5, "unit": "1/s"},
        },
        "ratios": {"apples / pears": 4, "pears / apples": 0.25},
        "goals": {
            "apples / pears": {"at_least": 4, "met": True},
            "pears / apples": {"at_least": 0.5, "met": False},
            "pears": {"at_most": 4.9, "met": False},
        },
    }
    told = capsys.readouterr().out
    assert "apples with pears" in told
    assert [told.count(word) for word in ("NOT MET", ": met")] == [2, 1]


def test_a_table_is_printed_by_rows_and_kept_by_figures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report("mine", "tiny", "fruit")
    report.table("fruit", "kg", ("raw", "cooked"), {"apples": (1, 20.5), "pears": (None, 3)})
    assert report.json()["figures"] == {
        "apples: raw": {"value": 1, "unit": "kg"},
        "apples: cooked": {"value": 20.5, "unit": "kg"},
        "pears: cooked": {"value": 3, "unit": "kg"},
    }
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[-3:]]
    assert rows == [
        ["fruit,", "kg", "raw", "cooked"],
        ["apples", "1.00", "20.50"],
        ["pears", "3.00"],
    ]


@pytest.mark.parametrize(
    "arguments", [["decode", "--rates", "5"], ["all", "--rates", "5"], ["line", "--pace", "5"]]
)
def test_option_that_a_benchmark_does_not_have_is_refused(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert arguments[1] in capsys.readouterr().err


def test_contenders_take_turns() -> None:
    calls: list[str] = []

    def act(name: str) -> float:
        calls.append(name)
        return len(calls)

    found = by_turns({"a": lambda: act("a"), "b": lambda: act("b")}, 2)
    assert found == {"a": [1, 3], "b": [2, 4]}


def test_the_help_names_every_benchmark(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--help"])
    with pytest.raises(SystemExit, match="0"):
        main()
    told = capsys.readouterr().out
    assert all(f"  {name} " in told for name in BENCHMARKS)
    files = {file.stem for file in (ROOT / "bench").glob("*.py") if "SERVERS" in file.read_text()}
    assert files - {"__main__"} == {name.replace("-", "_") for name in BENCHMARKS}
