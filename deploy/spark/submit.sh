#!/bin/sh
# Brings the lake's star up to bronze by spark-submit: see README.md beside this file.
set -eu
: "${PYTHON:=python3}" "${MASTER:=local[2]}"
[ $# -ge 1 ] || { echo "usage: $0 LAKE [--every SECONDS]" >&2; exit 2; }
jobs=$("$PYTHON" -c 'import pathlib, jobs; print(pathlib.Path(jobs.__file__).parent)')
spark=$("$PYTHON" -c 'import pathlib, pyspark; print(pathlib.Path(pyspark.__file__).parent)')
: "${SPARK_SUBMIT:=$spark/bin/spark-submit}"
export PYSPARK_PYTHON="$PYTHON" PYTHONPATH="$(dirname "$jobs")${PYTHONPATH:+:$PYTHONPATH}"
# Standard output is for the batches; a JVM writes its own warnings there.
export SPARK_SUBMIT_OPTS="-Xlog:disable -Xlog:all=warning:stderr ${SPARK_SUBMIT_OPTS:-}"
if [ -n "${JARS:-}" ]; then
    set -- --jars "$JARS" "$jobs/run.py" "$@"
else
    set -- --packages io.delta:delta-spark_4.2_2.13:4.4.0 "$jobs/run.py" "$@"
fi
# The catalogue must be named before the session starts.
exec "$SPARK_SUBMIT" --master "$MASTER" \
    --conf spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension \
    --conf spark.sql.catalog.spark_catalog=org.apache.spark.sql.delta.catalog.DeltaCatalog \
    "$@"
