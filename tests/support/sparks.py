"""One Spark for the whole run, on the bundled Java, and what tests do with Delta tables.

With several workers there is one for each.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pyspark.sql import SparkSession

from jobs.session import Local, local_session
from streams.app.settings import Settings
from streams.stack.artifacts.download import fetch
from streams.stack.artifacts.jars import jars_of
from streams.stack.report import Silent
from streams.stack.servers.java import java

FEW_ROWS: Final = {
    # Compiling a plan takes longer than running it over a thousand rows.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    # Each shuffle would be a job of its own.
    "spark.sql.adaptive.enabled": "false",
}


@contextmanager
def spark_session(scratch: Path) -> Iterator[SparkSession]:
    """Spark with Delta in a small JVM of its own; the jars come from the cache of this user."""
    settings = Settings()
    cache = settings.cache.expanduser().absolute()
    jars = jars_of("delta")
    fetch(jars, cache, Silent())
    local = Local(
        java=java(settings.java),
        jars=[jar.path(cache) for jar in jars],
        scratch=scratch,
        memory_mb=1536,
        conf=FEW_ROWS,
    )
    with local_session(local, app="storyline-tests") as session:
        yield session
