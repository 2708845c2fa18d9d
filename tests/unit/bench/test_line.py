"""Conclusions of the benchmark of the whole line, and its options."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.line import Measured, Options, batch_costs, options
from bench.line_figures import Batches
from bench.line_load import Load
from bench.line_stack import People, usage


def measured(**changes: object) -> Measured:
    found = Measured(
        title="1,000/s",
        rate=1000,
        seconds=60.0,
        cores={"kafka": 0.3, "lake": 0.2},
        bytes={"kafka": 3 * 2**20},
        batches={
            "posts": Batches(10, 300, 0.5),
            "engagement": Batches(20, 500, 0.8),
            "delivery": Batches(4, 16, 0.1),
            "lake": Batches(0.5, 800, 0.2),
        },
        others=0.0,
        latencies={
            "feed, 7 followers": [0.1] * 60,
            "feed, 500 followers": [0.2] * 60,
            "feed, 1,000,000 followers (pulled)": [5.0] * 60,
            "bronze": [9.0] * 60,
        },
        load=Load(1000, 75_000, 75.0, 7.5, 0.01),
        probes=0.02,
        backlog={"posts": 500, "engagement": 1400, "lake": 12_000},
        drained_s=0.5,
    )
    return found._replace(**changes)  # type: ignore[arg-type]


def test_backlog_of_the_lake_and_pulled_posts_do_not_decide_whether_a_rate_is_held() -> None:
    assert measured().held
    assert measured().views == 1900


@pytest.mark.parametrize(
    "changes",
    [
        {"load": Load(1000, 75_000, 80.0, 7.5, 0.2)},
        {"latencies": {"feed, 7 followers": [0.1] * 59 + [1.1]}},
        {"backlog": {"posts": 2001}},
    ],
)
def test_rate_is_not_held(changes: dict[str, object]) -> None:
    assert not measured(**changes).held


def test_costs_are_by_event_and_in_all() -> None:
    found = measured()
    assert found.used("kafka") == 0.3
    assert found.used("all") == pytest.approx(0.5)
    assert found.used("expire") == 0
    assert found.folded == 800  # of the 1,000 that were offered, each counted once
    assert found.per_event("lake") == pytest.approx(250)
    assert found.per_event("all") == pytest.approx(625)
    assert found.memory("kafka") == 3
    assert measured(rate=0).per_event("all") is None


def test_batches_have_records_and_cost() -> None:
    found = measured()
    assert found.records("posts") == 30
    assert found.batch_ms("posts") == pytest.approx(50)
    assert found.per_batch("lake") == pytest.approx(400)
    assert found.records("kafka") is found.per_batch("kafka") is None


def test_cpu_of_batches_is_split_into_batches_and_records() -> None:
    """10 batches/s of 30 records use 0.4 cores; 5 of 200 use 1.05."""
    low = measured(cores={"posts": 0.4}, batches={"posts": Batches(10, 300, 1)})
    high = measured(cores={"posts": 1.05}, batches={"posts": Batches(5, 1000, 1)})
    found = batch_costs(low, high, "posts")
    assert found is not None
    assert found == pytest.approx((10, 1.0))
    assert batch_costs(low, low, "posts") is None
    assert batch_costs(low, high, "lake") is None


def test_percentiles_are_milliseconds() -> None:
    assert measured().p("feed, 7 followers", 0.5) == pytest.approx(100)
    assert measured().p("tray", 0.5) is None


def test_options_replace_those_of_the_size() -> None:
    assert options([]) == Options()
    found = options(["--rates", "0,500", "--seconds", "5", "--hold", "", "--build", "other"])
    assert found == Options(rates=(0, 500), seconds=5.0, hold=(), build=Path("other"))


def test_unknown_option_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options(["--rate", "5", "--fast"])
    assert "--fast" in capsys.readouterr().err


def test_every_author_has_followers_and_the_reader_is_the_last_of_them() -> None:
    people = People(users=100, base=10, sizes=(7, 50))
    followers: dict[int, list[int]] = {}
    for follower, followee in people.follows():
        followers.setdefault(followee, []).append(follower)
    for author in people.authors:
        found = followers[author.author_id]
        assert len(set(found)) == (1 if author.pulled else author.followers)
        assert max(found) == author.reader_id
    assert [author.pulled for author in people.authors] == [False, False, True]
    assert all(followers[story.author_id] == [story.reader_id] for story in people.stories)


def test_usage_counts_children_that_run_and_that_have_ended() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass\n"
    wait = "print('done', flush=True)\ninput()"
    of_child = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])\n{wait}"
    for program in (burn + wait, of_child):
        with subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "done\n"
            found = usage(process.pid)
            process.communicate("\n")
        assert 0.25 < found.cpu_s < 2
        assert found.bytes > 2**20
        assert found.pid == process.pid
