#!/usr/bin/env bash
# A Delta table whose Parquet files hold timestamps as INT96 (Spark's default for
# spark.sql.parquet.outputTimestampType) has one content and three readings. INT96 is a Julian day and nanoseconds of
# the day, so it holds every year. The files carry no Arrow schema, as Spark's carry none. Readers that convert it to 64-bit nanoseconds since 1970 cannot represent times
# before 1677-09-21 or after 2262-04-11:
#   DuckDB            returns the instant
#   Polars            returns 2262-04-11 23:47:16.854775 for each of them, without an error
#   delta-rs, SQL     returns another instant (the number wraps around), without an error
#   delta-rs, Arrow   refuses the whole table
# Expected: the instant, or an error, from each. Exits with 1 if a reader behaves otherwise than described.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q deltalake==1.6.6 polars==2.1.0 pyarrow==26.0.1 \
    duckdb==1.5.5 duckdb-extension-delta==1.5.5 duckdb-extensions==1.5.5
cd "$work"
"$work/venv/bin/python" - <<'PY'
import importlib.metadata as versions
import os
import sys
from datetime import UTC, datetime

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, QueryBuilder, convert_to_deltalake
from duckdb_extensions import import_extension

for name in ("deltalake", "polars", "pyarrow", "duckdb"):
    print(name, versions.version(name))
written = [datetime(1500, 2, 3, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
print("written:         ", *(str(at)[:26] for at in written), sep="  ")
times = pa.array(written, pa.timestamp("us", "UTC"))
os.mkdir("table")
pq.write_table(pa.table({"at": times}), "table/part-0.parquet", use_deprecated_int96_timestamps=True, store_schema=False)
assert pq.read_metadata("table/part-0.parquet").schema.column(0).physical_type == "INT96"
convert_to_deltalake("table")
print("type in Delta:   ", DeltaTable("table").schema().to_json())


def shown(name, read):
    try:
        got = [value.replace(tzinfo=None) for value in read()]
        print(f"{name:<17}", *got, sep="  ")
        return got
    except Exception as error:
        print(f"{name:<17}  {type(error).__name__}: {str(error).splitlines()[0]}")
        return type(error).__name__


import_extension("delta")
duckdb.sql("SET TimeZone = 'UTC'")
got = {
    "duckdb": shown("DuckDB", lambda: [r[0] for r in duckdb.sql("SELECT \"at\"::TIMESTAMP FROM delta_scan('table') ORDER BY 1").fetchall()]),
    "polars": shown("Polars", lambda: pl.scan_delta("table").collect()["at"].to_list()),
    "sql": shown("delta-rs, SQL", lambda: pa.table(QueryBuilder().register("t", DeltaTable("table")).execute("SELECT at FROM t").read_all())["at"].to_pylist()),
    "arrow": shown("delta-rs, Arrow", lambda: DeltaTable("table").to_pyarrow_table()["at"].to_pylist()),
}
right = [at.replace(tzinfo=None) for at in written]
limit = datetime(2262, 4, 11, 23, 47, 16, 854775)
same = (
    got["duckdb"] == right
    and isinstance(got["polars"], list) and got["polars"] != right and limit in got["polars"]
    and isinstance(got["sql"], list) and got["sql"] != right
    and got["arrow"] == "ArrowInvalid"
)
print("as described" if same else "the behaviour has changed")
sys.stdout.flush()
os._exit(0 if same else 1)
PY
