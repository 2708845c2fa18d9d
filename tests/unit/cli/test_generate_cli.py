"""`storyline generate` and `storyline load higgs` as a person calls them."""

import gzip
import json
import os
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path

import pytest

from streams.contracts.json_codec import from_json
from streams.generate.interactions import FILE
from streams.generate.network import Network
from streams.generate.world import Plan

LINES = "1 2 1341100972 MT\n3 2 1341101181 RT\n2 1 1341101183 RE\n"


def storyline(*args: str, hash_seed: str = "random") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "streams.cli.main", *args]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, check=False, env=environment)


@pytest.fixture
def higgs(tmp_path: Path) -> Path:
    (tmp_path / FILE).write_bytes(gzip.compress(LINES.encode()))
    return tmp_path


SMALL = ("generate", "--users", "300", "--events", "4000", "--duplicates", "0.05")


@pytest.mark.slow
def test_two_runs_are_the_same_bytes_whatever_the_hash_seed() -> None:
    first, second = (storyline(*SMALL, hash_seed=seed).stdout for seed in ("1", "2"))
    assert first_difference(first, second) is None
    assert first_difference(first, storyline(*SMALL, "--seed", "2").stdout) is not None


def first_difference(one: bytes, other: bytes) -> tuple[int, bytes | None, bytes | None] | None:
    """Return the number of the first line that differs, and the line of either."""
    pairs = zip_longest(one.splitlines(keepends=True), other.splitlines(keepends=True))
    for number, (left, right) in enumerate(pairs, start=1):
        if left != right:
            return number, left, right
    return None


def test_the_lines_are_the_events(tmp_path: Path) -> None:
    out = tmp_path / "week.jsonl"
    run = storyline(
        "generate", "--users=200", "--events=900", "--start=2025-01-01T00:00:00Z", f"--out={out}"
    )
    assert run.returncode == 0
    assert run.stdout.startswith(b"900 events written to ")
    events = [from_json(json.loads(line)) for line in out.read_bytes().splitlines()]
    plan = Plan(users=200, events=900, seed=1, start=1_735_689_600_000)
    assert events == list(Network(plan))
    assert list(tmp_path.iterdir()) == [out]


def test_a_limit_gives_the_beginning() -> None:
    whole, start = (storyline("generate", "--users=50", *extra) for extra in ((), ("--limit=9",)))
    assert start.stdout.splitlines() == whole.stdout.splitlines()[:9]


def test_the_summary_counts_what_was_written() -> None:
    run = storyline("generate", "--users=100", "--events=500", "--json")
    summary = json.loads(run.stderr)
    assert summary["events"] == sum(summary["types"].values()) == 500
    assert len(run.stdout.splitlines()) == 500


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m streams.cli.main generate --users 2000 | head -n 2"
    run = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, b"")
    assert len(run.stdout.splitlines()) == 2


@pytest.mark.slow
def test_a_replay_takes_its_time() -> None:
    # 24 hours at a million times their speed last 0.0864 s: the waiting shows in no test's time.
    quick = storyline("generate", "--users=20", "--events=50", "--days=1", "--speed=1000000")
    assert len(quick.stdout.splitlines()) == 50


@pytest.mark.slow
def test_load_higgs_writes_the_events_of_the_lines(higgs: Path) -> None:
    run = storyline("load", "higgs", str(higgs))
    assert run.returncode == 0
    types = [json.loads(line)["type"] for line in run.stdout.splitlines()]
    assert types == [
        "PostCreated",
        "UserFollowed",
        "PostCreated",
        "UserFollowed",
        "PostCreated",
        "UserFollowed",
        "CommentCreated",
    ]
    assert storyline("load", "higgs", str(higgs)).stdout == run.stdout
    until = storyline("load", "higgs", str(higgs), "--until=2012-07-01T00:02:52Z")
    assert until.stdout.splitlines() == run.stdout.splitlines()[:3]


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("generate", "--users=0"), "users must be"),
        (("generate", "--users=2", "--events=1000000000000"), "fit into"),
        (("generate", "--start=soon"), "no instant"),
        (("generate", "--bad=2"), "--bad needs --publish"),
        (("generate", "--publish", "--out=x"), "exclude each other"),
        (("generate", "--publish", "--start=now"), "into the future"),
        (("generate", "--publish", "--start=now", "--speed=2"), "into the future"),
        (("generate", "--speed=0"), "--speed must be"),
        (("generate", "--speed=nan"), "--speed must be"),
        (("generate", "--out=/nowhere/at/all"), "is not a directory"),
        (("load", "higgs", "/nowhere"), "is missing"),
    ],
)
def test_wrong_use_is_one_clear_line(args: tuple[str, ...], reason: str) -> None:
    run = storyline(*args)
    assert run.returncode != 0
    assert reason in run.stderr.decode()
    assert b"Traceback" not in run.stderr
    assert run.stdout == b""


def test_a_failure_leaves_nothing_half_written(higgs: Path) -> None:
    path = higgs / FILE
    path.write_bytes(path.read_bytes()[:-9])
    run = storyline("load", "higgs", str(higgs), f"--out={higgs / 'out.jsonl'}")
    assert run.returncode == 1
    assert b"damaged" in run.stderr
    assert list(higgs.iterdir()) == [path]


def test_a_full_disk_is_one_clear_line_and_no_success() -> None:
    run = storyline("generate", "--users=1000", "--out=/dev/full")
    assert run.returncode == 1
    assert b"No space left" in run.stderr
    assert b"Traceback" not in run.stderr
