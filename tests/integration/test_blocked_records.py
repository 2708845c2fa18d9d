"""A record at which workers wait, on real servers: shown, rejected by hand, and passed."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient
from deltalake import DeltaTable

from streams.app.broker import schema_registry
from streams.app.settings import Settings
from streams.app.settings import settings as settings_of_process
from streams.app.stack import environment
from streams.app.stores import durable_views, progress
from streams.app.workers.lag import lag_report
from streams.app.workers.run_files import WaitingRecord, worker_reports
from streams.cli import main as cli
from streams.contracts.events import UserBlocked
from streams.contracts.ids import SnowflakeGenerator, id_time
from streams.kafka.topics import Topics
from streams.producer import EventProducer
from streams.runtime.dead_letters.header_names import CODE_HEADER, GROUP_HEADER
from tests.support import messages
from tests.support.landed import quarantined
from tests.support.messages import produces
from tests.support.registry_proxy import registry_without
from tests.support.workers import DeadLetterReader, append, prepare, skip_to_end, wait_until, worker

TOPIC = "social.blocks.v1"
USER = 7_930_000_000_000_000
ABSENT = 2_000_000_001
"""Id of a schema about which the registry says neither yes nor no."""
MINT = SnowflakeGenerator(93)

pytestmark = pytest.mark.stack

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def settings(stack: Settings, tmp_path: Path) -> Iterator[Settings]:
    own = stack.model_copy(
        update={
            "views_version": f"v{93 * 10**8 + time.time_ns() // 1_000_000_000 % 10**8}",
            "lake": tmp_path / "lake",
            "lake_batch_wait_ms": 50,
            "session_timeout_s": 6,
            "blocked_after_s": 1,
            # The lake begins empty, so it reads what other tests left in the log, good and bad.
            "dead_letter_ratio": 0.0,
            "dead_letter_consecutive": 0,
        }
    )
    prepare(own)
    Topics(own.bootstrap).apply()
    list(schema_registry(own).register())
    for agent in ("graph", "lake"):
        skip_to_end(own, agent)
    with registry_without(own, ABSENT) as behind_proxy:
        yield behind_proxy


@pytest.fixture
def storyline(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Runs a command on the stack; returns its exit code and what it printed on either channel."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "200")
    settings_of_process.cache_clear()

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["storyline", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        told = capfd.readouterr()
        return int(end.value.code or 0), told.out, told.err

    yield run
    settings_of_process.cache_clear()


def publish_block(settings: Settings, target: int) -> tuple[int, int]:
    """Returns partition and offset."""
    event_id = MINT.next_id()
    event = UserBlocked(
        event_id=event_id, occurred_at=id_time(event_id), user_id=USER, target_id=target
    )
    with EventProducer(settings.bootstrap, settings.registry_url, node=93) as log:
        where = log.publish(event).result(30)
    return where.partition, where.offset


@produces("Waiting at a record", "The lag of the lake is that of its commits: …")
def test_a_record_that_blocks_is_shown_and_rejected_for_each_group_alone(
    settings: Settings, storyline: Command
) -> None:
    dead_letters = DeadLetterReader(settings, [TOPIC])
    partition, _ = publish_block(settings, USER + 1)
    bytes_ = b"\x00" + ABSENT.to_bytes(4, "big") + b"abc"
    _, offset = append(settings, TOPIC, str(USER).encode(), bytes_, partition)
    publish_block(settings, USER + 2)
    place, group = f"{TOPIC}:{partition}:{offset}", settings.group("graph")

    def waiting(agent: str) -> list[WaitingRecord]:
        found = lag_report(settings, [agent]).waiting
        return [record for record in found if record.exact and record.overdue]

    def is_through(agent: str) -> bool:
        lags = lag_report(settings, [agent]).lags
        (lag,) = (lag for lag in lags if (lag.topic, lag.partition) == (TOPIC, partition))
        return lag.lag == 0

    def blocked(user: int) -> bool:
        with durable_views(settings) as views:
            return user in views.relations(USER).blocked

    with worker(settings, "graph") as graph, worker(settings, "lake") as lake:
        for agent in ("graph", "lake"):
            (found,) = wait_until(partial(waiting, agent), what=f"{agent} waits")
            assert (found.topic, found.partition, found.offset) == (TOPIC, partition, offset)
            assert found.step == "decode"
            assert "503" in found.reason or "not now" in found.reason
            assert found.seconds >= 1
        code, shown, _ = storyline("lag", "--totals")
        assert code == 0
        assert place in shown
        messages.shown(shown)
        listed = json.loads(storyline("lag", "--group", "lake", "--json")[1])
        assert [(one["topic"], one["offset"]) for one in listed["waiting"]] == [(TOPIC, offset)]
        code, shown, _ = storyline("status", "--check")
        assert code == 1
        assert place in shown

        # What the tables of the lake hold counts, not what an operator commits for its group.
        assert lake.stop() == 0
        to_the_end(settings, "lake")
        assert lag_report(settings, ["lake"]).lag >= 2
        table = settings.lake_path / "bronze_blocks"
        torn = table / "_delta_log" / f"{DeltaTable(table).version() + 1:020d}.json"
        torn.write_text('{"add":{"path":"append_date=2026')
        both = lag_report(settings, ["graph", "lake"])
        assert "bronze_blocks" in both.lake_error
        assert {lag.topic for lag in both.lags} >= {TOPIC}
        messages.shown(storyline("lag", "--totals")[1])
        torn.unlink()

        why = "written by a stranger"
        for refused, arguments in (
            (2, (place, "--group", "posts")),
            (1, (f"{TOPIC}:{partition}:{offset + 10_000}", "--group", "graph")),
        ):
            code, _, said = storyline("dlq", "add", *arguments, "--reason", why, "--yes")
            assert code == refused, said
        code, shown, _ = storyline(
            "dlq", "add", place, "--group", "graph", "--reason", why, "--yes", "--json"
        )
        assert code == 0
        assert json.loads(shown)["waited_at"] is True
        wait_until(lambda: is_through("graph"), what="graph goes on")
        wait_until(lambda: blocked(USER + 2), what="the record behind is applied")
        assert blocked(USER + 1)
        (letter,) = dead_letters.read(1)
        headers = dict(letter.headers)
        assert letter.value == bytes_
        assert (headers[CODE_HEADER], headers[GROUP_HEADER]) == (
            b"operator_rejected",
            group.encode(),
        )
        assert headers["__connect.errors.exception.message"] == why.encode()
        assert headers["__connect.errors.offset"] == str(offset).encode()
        tallies = {one.topic: one.counters for one in lag_report(settings, ["graph"]).counters}
        tally = tallies[TOPIC]
        assert tally.balanced
        assert tally.dead_letters == {"operator_rejected": 1}
        code, _, said = storyline("dlq", "add", place, "--group", "graph", "--reason", why, "--yes")
        assert code == 1
        assert f"is past {place}" in said
        assert graph.process.poll() is None

    # The decision for graph is none for the lake; one made while its worker is down counts.
    assert place not in str(quarantined(settings.lake_path))
    with worker(settings, "lake") as lake:
        wait_until(lambda: waiting("lake"), what="the lake waits again")
        lake.kill()
    assert [
        report for report in worker_reports(settings.home) if report.group.endswith("lake")
    ] == []
    assert storyline("dlq", "add", place, "--group", "lake", "--reason", why, "--yes")[0] == 0
    with worker(settings, "lake") as lake:
        wait_until(lambda: is_through("lake"), what="the lake goes on")
        assert quarantined(settings.lake_path) == {(TOPIC, partition, offset): "operator_rejected"}
        assert lake.stop() == 0
    dead_letters.close()


def to_the_end(settings: Settings, agent: str) -> None:
    """Commits the end of the log for a group that does not run, as an operator may."""
    group = settings.group(agent)
    ends = [
        TopicPartition(lag.topic, lag.partition, lag.end)
        for lag in progress(settings).lag({group: [TOPIC]})
    ]
    admin = AdminClient({"bootstrap.servers": settings.bootstrap, "log_level": 0})
    wanted = [ConsumerGroupTopicPartitions(group, ends)]

    def is_done() -> bool:
        try:
            for answer in admin.alter_consumer_group_offsets(wanted).values():
                answer.result(30)
        except Exception as error:  # noqa: BLE001 - the member that left may be known still
            print(error)
            return False
        return True

    wait_until(is_done, what="offsets are reset")


@produces("does not answer")
def test_a_stopped_worker_is_one_row_and_takes_no_other(
    settings: Settings, storyline: Command
) -> None:
    with worker(settings, "graph") as graph:
        wait_until(lambda: lag_report(settings, ["graph"]).workers, what="graph answers")
        os.kill(graph.process.pid, signal.SIGSTOP)
        try:
            for arguments in (("lag", "--totals"), ("lag", "--group", "graph"), ("status",)):
                began = time.monotonic()
                code, shown, said = storyline(*arguments)
                assert time.monotonic() - began < 10
                assert code == 0, said
                assert "does not answer" in messages.shown(shown)
            assert TOPIC in storyline("lag", "--totals")[1]
            assert storyline("status", "--check")[0] == 1
        finally:
            os.kill(graph.process.pid, signal.SIGCONT)
        wait_until(lambda: not lag_report(settings, ["graph"]).silent, what="graph answers again")
