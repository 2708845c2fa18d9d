"""`storyline load edges`, `jetstream` and `activitypub` as a person calls them."""

import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa
import pytest

from streams.cli.main import main
from streams.contracts.json_codec import from_json
from streams.importers.edges import EdgeReader
from tests.support.imported import SAMPLES, jetstream, sample_lines
from tests.support.messages import produces, shown

Capture = pytest.CaptureFixture[bytes]

JETSTREAM = SAMPLES / "jetstream.jsonl"


class Run(NamedTuple):
    """Output and exit code of a call of the command."""

    returncode: int
    stdout: bytes
    stderr: bytes


class Storyline(Protocol):
    """Runs `storyline load` in this process: a process of its own takes seconds to begin."""

    def __call__(self, *args: str | Path, stdin: bytes = b"") -> Run: ...


@pytest.fixture
def storyline(monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture) -> Storyline:
    monkeypatch.setenv("COLUMNS", "200")

    def run(*args: str | Path, stdin: bytes = b"") -> Run:
        monkeypatch.setattr(sys, "argv", ["storyline", "load", *map(str, args)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as end:
            main()
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return Run(int(end.value.code or 0), out, err)

    return run


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "day.jsonl"
    path.write_bytes(JETSTREAM.read_bytes())
    return path


@produces("lines read, … skipped", "not_json", "malformed")
def test_lines_on_standard_output_are_the_events_and_the_summary_is_beside(
    storyline: Storyline, sample: Path
) -> None:
    run = storyline("jetstream", sample)
    assert run.returncode == 0
    events = [from_json(json.loads(line)) for line in run.stdout.splitlines()]
    assert events == jetstream(sample_lines())
    summary = shown(run.stderr.decode())
    assert f"{sample}:22: not_json: " in summary
    assert "19 events written to standard output" in summary
    assert "29 lines read, 10 skipped: " in summary
    assert "left out of events: 1 quote_dropped" in summary
    again = storyline("jetstream", sample)
    assert again.stdout == run.stdout


def test_mapping_is_kept_beside_the_input(storyline: Storyline, sample: Path) -> None:
    assert storyline("jetstream", sample, "--out", sample.with_name("out")).returncode == 0
    names = {path.name for path in sample.parent.iterdir()}
    assert names == {"day.jsonl", "day.jsonl.ids.sqlite", "out"}


def test_dry_run_writes_nothing(storyline: Storyline, sample: Path) -> None:
    run = storyline("jetstream", sample, "--dry-run", "--json")
    summary = json.loads(run.stdout)
    assert summary["events"] == sum(summary["types"].values()) == 19
    assert summary["input"]["lines"] == 29
    assert summary["input"]["broken"] == 3
    assert summary["input"]["skipped"]["unknown_record"] == 1
    assert [path.name for path in sample.parent.iterdir()] == [sample.name]


def test_strict_fails_only_if_lines_are_broken(
    storyline: Storyline, sample: Path, tmp_path: Path
) -> None:
    assert storyline("jetstream", sample, "--dry-run", "--strict").returncode == 3
    good = tmp_path / "good"
    good.write_bytes(b"".join(sample_lines()[:21]))
    run = storyline("jetstream", good, "--dry-run", "--strict")
    assert (run.returncode, b"6 skipped" in run.stdout) == (0, True)


def test_skipped_lines_are_written_with_place_and_reason(
    storyline: Storyline, sample: Path, tmp_path: Path
) -> None:
    listed = tmp_path / "skipped.jsonl"
    run = storyline("jetstream", sample, "--dry-run", "--skipped", listed)
    assert run.returncode == 0
    skipped = [json.loads(line) for line in listed.read_bytes().splitlines()]
    places = [int(entry["place"].removeprefix(f"{sample}:")) for entry in skipped]
    assert places == [9, 16, 17, 18, 19, 20, 22, 23, 24, 27]
    assert skipped[0]["reason"] == "unknown_record"


def test_many_broken_lines_are_shown_only_in_part(storyline: Storyline, tmp_path: Path) -> None:
    path = tmp_path / "broken"
    path.write_bytes(b"{\n" * 500)
    run = storyline("jetstream", path, "--dry-run")
    assert run.returncode == 0
    assert len(run.stderr.splitlines()) == 21
    assert b"--skipped FILE lists every one" in run.stderr
    assert b"500 lines read, 500 skipped: 500 not_json" in run.stdout


def _zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


@pytest.mark.parametrize("compress", [gzip.compress, _zstd])
def test_standard_input_may_be_compressed(
    storyline: Storyline, compress: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    plain = storyline("jetstream", JETSTREAM, "--mapping", tmp_path / "a")
    packed = compress(JETSTREAM.read_bytes())
    piped = storyline("jetstream", "-", "--mapping", tmp_path / "b", stdin=packed)
    assert plain.stdout
    assert piped.stdout == plain.stdout
    assert b"standard input:22: not_json" in piped.stderr


def test_edge_list_is_loaded_without_a_mapping(storyline: Storyline, tmp_path: Path) -> None:
    path = tmp_path / "invented.txt.gz"
    path.write_bytes(gzip.compress((SAMPLES / "edges.txt").read_bytes()))
    run = storyline("edges", path, "--undirected", "--limit", "5")
    events = [from_json(json.loads(line)) for line in run.stdout.splitlines()]
    assert events == list(EdgeReader(1_262_304_000_000, undirected=True).read(b"0 1"))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_folder_of_outboxes_is_loaded(storyline: Storyline, tmp_path: Path) -> None:
    run = storyline("activitypub", SAMPLES / "archive", "--mapping", tmp_path / "ids", "--json")
    assert run.returncode == 0
    assert len(run.stdout.splitlines()) == 12
    summary = json.loads(run.stderr)
    assert summary["input"]["skipped"]["not_public"] == 1
    assert b"Only for you" not in run.stdout


@pytest.mark.parametrize(
    ("args", "code", "reason"),
    [
        pytest.param(
            ("jetstream", "-"),
            2,
            "standard input needs --mapping PATH",
            marks=produces("standard input needs --mapping PATH"),
        ),
        (("jetstream", "/nowhere/day"), 1, "/nowhere/day: No such file"),
        (("jetstream", JETSTREAM, "--mapping", "/nowhere/ids"), 1, "/nowhere is not a directory"),
        (("jetstream", JETSTREAM, "--dry-run", "--publish"), 2, "exclude each other"),
        (("jetstream", JETSTREAM, "--dry-run", "--out=x"), 2, "exclude each other"),
        (("jetstream", JETSTREAM, "--dry-run", "--skipped=-"), 2, "--skipped needs a file"),
        (("jetstream", JETSTREAM, "--mapping", JETSTREAM), 1, "is not a mapping file"),
        (("edges", SAMPLES / "edges.txt", "--undirected", "--reverse"), 2, "exclude each other"),
        (("edges", SAMPLES / "edges.txt", "--start=2009-01-01T00:00:00Z"), 2, "--start must be"),
        (("edges", SAMPLES / "edges.txt", "--start=2090-01-01T00:00:00Z"), 2, "--start must be"),
        (("activitypub", "-"), 2, "standard input cannot be"),
        (("activitypub", "/nowhere"), 1, "/nowhere does not exist"),
    ],
)
def test_wrong_use_is_one_clear_line(
    storyline: Storyline, args: tuple[str, ...], code: int, reason: str
) -> None:
    run = storyline(*args)
    assert (run.returncode, reason in run.stderr.decode()) == (code, True), run.stderr
    assert b"Traceback" not in run.stderr
    assert not JETSTREAM.with_name("jetstream.jsonl.ids.sqlite").exists()


def test_damaged_input_says_how_far_it_came(storyline: Storyline, tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(JETSTREAM.read_bytes())[:-40])
    run = storyline("jetstream", path, "--mapping", tmp_path / "ids")
    assert run.returncode == 1
    assert b"is damaged after line " in run.stderr
    assert run.stdout.startswith(b'{"type":"PostCreated"')
