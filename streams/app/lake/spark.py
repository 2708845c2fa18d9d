"""Spark with Delta on this machine, for a person's own reading of the lake."""

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
    """A session in a JVM of its own, on the bundled Java or the one that the settings name.

    Delta's jars are fetched first where the cache lacks them.
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
