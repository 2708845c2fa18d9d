#!/usr/bin/env bash
# Polars cannot read a local Delta table whose path has a character that a URL encodes: a space, `é`, `#` or `?`.
# `pl.scan_delta` takes the table's address from delta-rs, strips `file://` and looks for files below the still encoded
# path (`a%20b`). The error shows only the end of the path, so that it reads as if a data file were missing.
# Expected: the rows. delta-rs itself, and Polars by way of its Arrow dataset (use_pyarrow=True), return them.
# Exits with 1 if a reader behaves otherwise than described.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q deltalake==1.6.6 polars==2.1.0 pyarrow==26.0.1
cd "$work"
"$work/venv/bin/python" - <<'PY'
import importlib.metadata as versions
import os
import sys

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

for name in ("deltalake", "polars", "pyarrow"):
    print(name, versions.version(name))
same = True
for path in ("plain", "a b", "é", "a#b", "a'b?"):
    write_deltalake(path, pa.table({"n": [1, 2, 3]}))
    ways = {
        "scan_delta": lambda: pl.scan_delta(path).collect().height,
        "scan_delta, use_pyarrow": lambda: pl.scan_delta(path, use_pyarrow=True).collect().height,
        "delta-rs": lambda: DeltaTable(path).to_pyarrow_table().num_rows,
    }
    for way, rows in ways.items():
        try:
            got = str(rows())
        except Exception as error:
            got = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        print(f"{path!r:<8} {way:<24} {got}")
        fails = path != "plain" and way == "scan_delta"
        same &= got.startswith("FileNotFoundError") if fails else got == "3"
print("as described" if same else "the behaviour has changed")
sys.stdout.flush()
os._exit(0 if same else 1)
PY
