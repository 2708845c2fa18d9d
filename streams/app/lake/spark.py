"""A local Spark session with Delta, for the lake's jobs and a person's own queries."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streams.app.settings import Settings
from streams.stack.artifacts.download import fetch
from streams.stack.artifacts.jars import jars_of
from streams.stack.report import Report, Silent
from streams.stack.servers.java import java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def lake_session(
    settings: Settings, app: str = "storyline", downloads: Report | None = None
) -> Iterator["SparkSession"]:
    """Start a session in a JVM of its own, on the bundled Java or the one that the settings name.

    Downloads Delta's jars first if they are not in the cache.

    Args:
        settings: Settings of Java, the cache and the scratch folder.
        app: Name of the Spark application.
        downloads: Receives the progress of downloads.
    """
    from jobs.session import Local, local_session

    cache = settings.cache.expanduser().absolute()
    jars = jars_of("delta")
    fetch(jars, cache, downloads or Silent())
    local = Local(
        java=java(settings.java),
        jars=[jar.path(cache) for jar in jars],
        scratch=settings.home.expanduser().absolute() / "run" / "spark",
    )
    with local_session(local, app) as session:
        yield session
