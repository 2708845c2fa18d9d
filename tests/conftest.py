"""What every kind of test may use: one real stack for the whole run."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog
from pyspark.sql import SparkSession

from streams.app.settings import Settings
from streams.app.stack import local_stack
from streams.stack.supervision.start import tail
from tests.support import messages
from tests.support.local_stack import own_settings
from tests.support.profiles import load_profile
from tests.support.sparks import spark_session

_LOG_LINES = 40

load_profile()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Whatever asks for the servers or for Spark carries the mark."""
    names = set(getattr(item, "fixturenames", ()))
    for name in {"stack", "spark"} & names:
        item.add_marker(name)
    if "valkey" in names and "stack" not in names:
        item.add_marker("valkey")


@pytest.fixture(autouse=True)
def default_logs() -> Iterator[None]:
    """Undo what a command that runs in this process has set for the logs."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of a running stack with its own directory and ports, started once a run.

    With STORYLINE_TEST_HOME set, the stack that runs there is used instead, on the ports that the
    environment names, and left running.
    """
    reused = os.environ.get("STORYLINE_TEST_HOME")
    if reused:
        yield Settings(home=Path(reused))
        return
    settings = own_settings(tmp_path_factory.mktemp("stack"))
    servers = local_stack(settings)
    try:
        servers.up()
        yield settings
    finally:
        servers.down()


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The one Spark of this run: give tables and temporary views names of your own."""
    with spark_session(tmp_path_factory.mktemp("spark")) as session:
        yield session


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Messages that a test produces are its own."""
    messages.forget()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A test marked `produces` must produce those messages."""
    called = yield
    missing = messages.missing(pyfuncitem)
    assert not missing, f"not produced: {missing}"
    return called


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failing test shows the ends of the servers' logs; one marked `produces` may not skip."""
    report = yield
    if report.skipped and messages.is_marked(item):
        report.outcome, report.longrepr = "failed", f"marked and skipped: {report.longrepr}"
    settings = getattr(item, "funcargs", {}).get("stack")
    if report.failed and isinstance(settings, Settings):
        for program in local_stack(settings).status():
            lines = "\n".join(tail(program.log, _LOG_LINES))
            if lines:
                report.sections.append((f"log of {program.name} ({program.state})", lines))
    return report
