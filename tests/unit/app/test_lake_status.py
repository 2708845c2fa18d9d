"""How far jobs have read, from their checkpoints, whole and damaged."""

from pathlib import Path

import pytest

from streams.app.lake.status import _read_by

HEAD = 'v1\n{"batchWatermarkMs":0}\n'
BEGUN = '{"reservoirVersion":7,"index":-1}'
DONE = '{"reservoirVersion":7,"index":12}'


def checkpoint(folder: Path, offsets: str) -> Path:
    """Make a checkpoint whose batch 3 is settled at these offsets."""
    for name, text in (("commits", "v1\n{}"), ("offsets", offsets)):
        (folder / name).mkdir()
        (folder / name / "3").write_text(text)
    return folder


def test_job_without_checkpoint_has_read_nothing(tmp_path: Path) -> None:
    assert _read_by(tmp_path, 2) == [-1, -1]


def test_version_that_is_begun_is_not_read_whole(tmp_path: Path) -> None:
    found = _read_by(checkpoint(tmp_path, f"{HEAD}{DONE}\n{BEGUN}\n-"), 3)
    assert found == [7, 6, -1]


@pytest.mark.parametrize(
    "offsets",
    ["", "v1\n", f"{HEAD}{DONE}", f"{HEAD}{DONE}\n{{", f"{HEAD}{DONE}\n{{}}", f"{HEAD}{DONE}\n5"],
    ids=["empty", "cut", "one missing", "no JSON", "no offset", "no object"],
)
def test_damaged_checkpoint_says_nothing_about_any_source(tmp_path: Path, offsets: str) -> None:
    assert _read_by(checkpoint(tmp_path, offsets), 2) == [None, None]
