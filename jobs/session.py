"""Spark session with Delta: on a chosen Java, or inside spark-submit.

Spark's launcher always adds `--add-modules=jdk.incubator.vector`, a module that is missing from a
trimmed Java such as the bundled one. Started here without the launcher, the same Java runs Spark.
"""

import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyspark
from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.sql import SparkSession

CONF: Final = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.compression.codec": "zstd",
    # Most readers take the default, INT96, for nanoseconds, which end at 1677-09-21 and 2262-04-11:
    # beyond, Polars and DataFusion return another instant, and delta-rs refuses the table.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Dates and times are those of the proleptic Gregorian calendar, in every file of any writer.
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    # Otherwise filters are pushed down as java.sql.Timestamp, whose calendar has no 1582-10-05 to
    # 1582-10-14: a filter loses the rows of these days.
    "spark.sql.datetime.java8API.enabled": "true",
    # Otherwise `${…}` in the path of a lake is taken for a variable.
    "spark.sql.variable.substitute": "false",
    # Delta's parser does not know the newer way of binding `:name`, and would leave it unbound.
    "spark.sql.legacy.parameterSubstitution.constantsOnly": "true",
    # Otherwise VACUUM of a table of three files runs ten thousand tasks.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
}
"""Configuration that the jobs rely on wherever they run."""

LOCAL_CONF: Final = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.databricks.delta.snapshotPartitions": "2",
}
"""Further configuration on one machine with few cores."""

QUICK_JVM: Final = ("-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=240m")
"""The first compiler alone. By default it has a code cache of 48 MiB, which Spark fills within a
minute; from then on nothing more is compiled."""

_OPENS: Final = (
    *("lang", "lang.invoke", "lang.reflect", "io", "net", "nio", "util"),
    *("util.concurrent", "util.concurrent.atomic"),
)
_ADD_OPENS: Final = tuple(
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in (
        *(f"java.{name}" for name in _OPENS),
        *("jdk.internal.ref", "sun.nio.ch", "sun.nio.cs", "sun.security.action"),
        "sun.util.calendar",
    )
)
_START_S: Final = 120.0
_STDERR: Final = 2
"""Descriptor for the JVM's standard output, so that its warnings do not mix with a program's
answer."""


@dataclass(frozen=True, slots=True)
class Local:
    """Spark inside one JVM of this machine. `memory_mb` is its heap in MiB.

    `quick` uses the first compiler alone, which halves the cost of a start and slows down long
    work.
    """

    java: Path
    jars: Sequence[Path]
    """Delta's own jars."""
    scratch: Path
    """Folder for shuffle files and the warehouse."""
    cores: int = 2
    memory_mb: int = 2048
    quick: bool = True
    conf: dict[str, str] = field(default_factory=dict)


@contextmanager
def local_session(local: Local, app: str = "storyline") -> Iterator[SparkSession]:
    """Yield a session in a JVM of its own; both end with the block."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else whatever python3 is
    with _java_gateway(local):
        builder = SparkSession.builder.appName(app).master(f"local[{local.cores}]")
        for key, value in (CONF | LOCAL_CONF | _folders(local) | local.conf).items():
            builder = builder.config(key, value)
        session = builder.getOrCreate()
        try:
            yield session
        finally:
            if jvm_answers():
                session.stop()
            else:  # nothing is left to stop, and PySpark would ask the JVM to do it
                SparkContext._active_spark_context = None
                SparkSession._instantiatedSession = None


def jvm_answers() -> bool:
    """Return whether the JVM of this process's Spark still answers."""
    jvm = SparkContext._jvm
    try:
        return jvm is not None and jvm.java.lang.System.nanoTime() is not None
    except (Py4JError, OSError):
        return False


def cluster_session(app: str = "storyline") -> SparkSession:
    """Return the session of a program that spark-submit started, which names master and jars."""
    builder = SparkSession.builder.appName(app)
    for key, value in CONF.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def _folders(local: Local) -> dict[str, str]:
    return {
        "spark.local.dir": str(local.scratch),
        "spark.sql.warehouse.dir": str(local.scratch / "warehouse"),
    }


@contextmanager
def _java_gateway(local: Local) -> Iterator[None]:
    """Run a JVM that waits for PySpark during the block; closing its standard input ends it."""
    local.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=local.scratch, prefix="gateway-") as folder:
        connection_file = Path(folder) / "connection"
        process = subprocess.Popen(  # noqa: S603
            _command(local, Path(folder)),
            stdin=subprocess.PIPE,
            stdout=_STDERR,
            env=_environment() | {"_PYSPARK_DRIVER_CONN_INFO_PATH": str(connection_file)},
            cwd=folder,
            start_new_session=True,  # Ctrl-C is for Python, which then ends the JVM in order
        )
        try:
            port, secret = _connection(connection_file, process)
            os.environ |= {"PYSPARK_GATEWAY_PORT": str(port), "PYSPARK_GATEWAY_SECRET": secret}
            yield
        finally:
            if SparkContext._gateway is not None:
                SparkContext._gateway.shutdown()
                SparkContext._gateway = SparkContext._jvm = None
            for name in ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET"):
                os.environ.pop(name, None)
            assert process.stdin is not None  # noqa: S101 - asked for above
            process.stdin.close()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _command(local: Local, folder: Path) -> list[str]:
    jars = Path(pyspark.__file__).parent / "jars"
    return [
        str(local.java),
        f"-Xmx{local.memory_mb}m",
        "-XX:+UseSerialGC",
        "-XX:+ExitOnOutOfMemoryError",
        *(QUICK_JVM if local.quick else ()),
        # By default Java starts programs by a helper, which keeps this JVM's connections open, and
        # PySpark waiting, if the JVM is killed at that moment; and Hadoop starts one for each file.
        "-Djdk.lang.Process.launchMechanism=VFORK",
        "-Djdk.reflect.useDirectMethodHandle=false",
        "-Dio.netty.tryReflectionSetAccessible=true",
        "-Djava.net.preferIPv4Stack=true",
        f"-Djava.io.tmpdir={folder}",
        f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties').as_uri()}",
        *_ADD_OPENS,
        "-cp",
        ":".join((f"{jars}/*", *map(str, local.jars))),
        "org.apache.spark.deploy.SparkSubmit",
        "pyspark-shell",
    ]


def _environment() -> dict[str, str]:
    """Return a minimal environment: a stray JAVA_TOOL_OPTIONS or SPARK_HOME changes nothing."""
    kept = ("PATH", "HOME", "USER")
    inherited = {name: os.environ[name] for name in kept if name in os.environ}
    # In the C locale, as cron has it, Java cannot name a file with a letter beyond ASCII.
    inherited["LC_ALL"] = "C.UTF-8"
    return inherited | {"SPARK_LOCAL_IP": "127.0.0.1", "TZ": "UTC", "PYTHONHASHSEED": "0"}


def _connection(connection_file: Path, process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Return port and secret of the JVM's gateway, once its file exists.

    The file holds a big-endian int, an int with the length of the secret, and the secret as text.
    """
    deadline = time.monotonic() + _START_S
    while not connection_file.is_file():
        if process.poll() is not None:
            raise RuntimeError(f"Spark's JVM ended at its start with {process.returncode}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"Spark's JVM did not start within {_START_S:.0f} s")
        time.sleep(0.05)
    answer = connection_file.read_bytes()
    port, length = struct.unpack_from(">ii", answer)
    with socket.create_connection(("127.0.0.1", port), timeout=10):
        pass
    return port, answer[8 : 8 + length].decode()
