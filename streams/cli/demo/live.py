"""The demonstration's live half: the fold of the log, the readers' views, a post on its way."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from streams.cli.common.output import err, out, print_table
from streams.cli.common.progress_bar import counting_bar
from streams.cli.demo.parts import run, section

if TYPE_CHECKING:
    from streams.app.demo.subjects import DemoSubjects, EventStats
    from streams.app.settings import Settings

_PATIENCE_S = 900


def run_workers(settings: "Settings") -> None:
    from streams.app.stack import local_stack
    from streams.app.workers.lag import lag_report, wait_for_workers
    from streams.cli.stack.progress import Display
    from streams.kafka.consumer_groups import PartitionLag

    with Display() as display:
        local_stack(settings).start_workers((), display)
    began = time.monotonic()
    total = lag_report(settings).lag
    left: dict[str, int] = {}

    def look(lags: Sequence[PartitionLag]) -> None:
        left.update(dict.fromkeys({lag.group for lag in lags}, 0))
        for lag in lags:
            left[lag.group] += lag.lag
        advance(max(0, total - sum(left.values())))

    with counting_bar("folding", total) as advance:
        wait_for_workers(settings, timeout_s=_PATIENCE_S, report=look)
    took = time.monotonic() - began
    out.print(f"{total:,} records folded in {took:.0f} s; the lag is zero.", highlight=False)


def choose_subjects(settings: "Settings", stats: "EventStats") -> "DemoSubjects":
    from streams.app.demo.subjects import choose_subjects
    from streams.app.read_side import open_read_side

    with err.status("choosing people to show …"), open_read_side(settings) as side:
        return choose_subjects(side, stats)


def show(subjects: "DemoSubjects") -> None:
    from streams.contracts.times import format_time

    section("A reader's home feed")
    run("feed", str(subjects.reader), "--limit", "6")
    run("graph", str(subjects.reader), "--limit", "10")
    if subjects.story is not None:
        section("Stories appear …")
        run("tray", str(subjects.reader), "--now", str(format_time(subjects.now)))
        section("… and are gone when their 24 hours are over")
        run("tray", str(subjects.reader), "--now", str(format_time(subjects.later)))
        section("Who viewed a story (its owner may ask), and what is counted")
        run("viewers", str(subjects.story), "--as", str(subjects.owner), "--limit", "5")
        run("counts", str(subjects.story))
    if subjects.content is not None:
        run("counts", str(subjects.content))


def show_latency(settings: "Settings", subjects: "DemoSubjects") -> None:
    from streams.app.demo.subjects import measure_latency
    from streams.app.read_side import open_read_side

    with open_read_side(settings) as side:
        done = measure_latency(settings, side, subjects)
    out.print(
        f"{subjects.author}, followed by {subjects.reader}, posts {done.text!r}.\n"
        f"Kafka had it after {done.acknowledged_ms:.0f} ms ({done.position});\n"
        f"it was in {subjects.reader}'s warm feed after {done.visible_ms:.0f} ms.",
        highlight=False,
    )


def dead_letters(settings: "Settings") -> None:
    from streams.app.demo.subjects import dead_letters
    from streams.app.workers.lag import lag_report

    topics = [topic for topic, records in lag_report(settings).dead_letters.items() if records]
    print_table(
        ("dead letter topic", "at", "code", "why it could not be applied"),
        (
            (
                seen.record.topic,
                f"{seen.record.partition}:{seen.record.offset}",
                (seen.dead_letter or {}).get("code"),
                (seen.dead_letter or {}).get("message"),
            )
            for seen in dead_letters(settings, topics)
        ),
        title="Bad records, kept with their reasons",
    )
