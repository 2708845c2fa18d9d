"""Data files of a table, damaged and missing ones among them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from streams.lakehouse.files import DataFile, int96_files, unreadable


def test_damaged_and_missing_files_are_unreadable_and_hide_no_other(tmp_path: Path) -> None:
    times = pa.table({"at": pa.array([0], pa.timestamp("us"))})
    paths = [tmp_path / name for name in ("damaged", "missing", "old", "new")]
    damaged, missing, old, new = (DataFile(path, None) for path in paths)
    damaged.path.write_bytes(b"PAR1 cut off")
    pq.write_table(times, old.path, use_deprecated_int96_timestamps=True)
    pq.write_table(times, new.path)
    files = (damaged, missing, old, new)
    assert list(int96_files(iter(files))) == [old]
    assert [file for file, _ in unreadable(iter(files))] == [damaged, missing]
