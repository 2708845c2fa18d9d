"""`storyline demo`: the whole line on real servers, in a home of its own."""

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.command import command_app
from streams.cli.output import err, out, print_table
from streams.errors import UserError

if TYPE_CHECKING:
    from streams.app.demo import Cast, Watched
    from streams.app.settings import Settings
    from streams.contracts.events import Event

app = command_app()

_DAY_MS = 86_400_000
_WEEK_MS = 7 * _DAY_MS
_PATIENCE_S = 900
_HELLO = '{"type":"PostCreated","author_id":"1","text":"hello","hashtags":["storyline"]}'
EXAMPLES = """Examples:

\b
  storyline demo                               a generated week of 5,000 people
  storyline demo --keep                        and leave everything running
  storyline demo --higgs DIR --events 60000    real people, July 2012
"""


@app.command(epilog=EXAMPLES)
def demo(
    users: Annotated[int, typer.Option(min=100, help="People of the generated week.")] = 5000,
    events: Annotated[int, typer.Option(min=1000, help="About how many events.")] = 300_000,
    seed: Annotated[int, typer.Option(help="Seed of the generated week.")] = 1,
    higgs: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Load the first part of the Higgs week instead."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave servers and workers running.")
    ] = False,
) -> None:
    """Start everything, send a small social week through it, and show what readers see.

    Everything lies under `demo` in the home directory and is made anew each time.
    """
    from streams.app.logs import configure_logs
    from streams.app.stack import local_stack

    configure_logs(logging.WARNING)
    week, title = _week(users, events, seed, higgs)
    found = _own_settings()
    stack = local_stack(found)
    began = time.monotonic()
    _section("Servers: Kafka, schema registry, Cassandra, Redis")
    try:
        _prepare(found)
        _section("Events")
        out.print(title, highlight=False)
        watched = _send(week, events, seed)
        _section("Workers: Kafka to Cassandra and Redis")
        _work(found)
        cast = _choose(found, watched)
        _show(cast)
        _section("A post travels")
        _travel(found, cast)
        _section("What became of the records")
        _dead_letters(found)
        _run("lag", "--totals")
        out.print(f"\nAll of it took {time.monotonic() - began:.0f} s.", highlight=False)
        _next(cast, found, keep=keep)
    finally:
        if not keep:
            with err.status("stopping workers and servers …"):
                stack.down()


def _own_settings() -> "Settings":
    """The settings with a home below the usual one, for this process and those it starts."""
    from streams.app.settings import settings

    os.environ["STORYLINE_HOME"] = str((settings().home / "demo").expanduser().absolute())
    settings.cache_clear()
    return settings()


def _prepare(found: "Settings") -> None:
    from streams.app.messaging import schema_registry, topic_admin
    from streams.app.migrating import migrate_views
    from streams.app.stack import local_stack
    from streams.cli.stack_progress import Display

    stack = local_stack(found)
    with Display() as display:
        stack.reset(display)
        stack.up((), display)
    with err.status("topics, schemas, tables …"):
        topics = len(topic_admin(found).apply())
        schemas = len(list(schema_registry(found).register()))
        migrations = len(migrate_views(found, lambda _: None).applied)
    out.print(
        f"{topics} topics, {schemas} schemas and {migrations} migrations are in place.",
        highlight=False,
    )


def _week(users: int, events: int, seed: int, higgs: Path | None) -> "tuple[Iterator[Event], str]":
    """The events to send and what they are. Raises UserError before anything is started."""
    from streams.generate.higgs import events_of
    from streams.generate.interactions import read_interactions
    from streams.generate.network import Network
    from streams.generate.world import Plan

    if higgs is not None:
        interactions = read_interactions(higgs, limit=events // 2)
        title = f"The first {len(interactions):,} interactions of the Higgs week."
        return iter(events_of(interactions)), title
    start = time.time_ns() // 1_000_000 - _WEEK_MS
    try:
        plan = Plan(users=users, events=events, seed=seed, start=start, duration=_WEEK_MS)
    except ValueError as error:
        raise UserError(str(error), exit_code=2) from error
    title = f"A week of {users:,} people (seed {seed}), ending now; 8 bad records slip in."
    return iter(Network(plan)), title


def _send(week: "Iterator[Event]", events: int, seed: int) -> "Watched":
    from streams.app.demo import Watched
    from streams.cli.emitting import Destination, emit
    from streams.generate.duplicates import with_duplicates

    watched = Watched()
    to = Destination(None, publish=True, speed=None, bad=8)
    sent = with_duplicates(watched.watch(week), 0.01, seed)
    emit(sent, to, expected=round(events * 1.01), as_json=False)
    return watched


def _work(found: "Settings") -> None:
    from streams.agents.progress import PartitionLag
    from streams.app.lagging import standing, wait_for_workers
    from streams.app.stack import local_stack
    from streams.cli.stack_progress import Display

    with Display() as display:
        local_stack(found).start_workers((), display)
    began = time.monotonic()
    total = standing(found).lag
    left: dict[str, int] = {}

    def look(lags: Sequence[PartitionLag]) -> None:
        left.update(dict.fromkeys({lag.group for lag in lags}, 0))
        for lag in lags:
            left[lag.group] += lag.lag
        show(max(0, total - sum(left.values())))

    with _progress("folding", total) as show:
        wait_for_workers(found, timeout_s=_PATIENCE_S, report=look)
    took = time.monotonic() - began
    out.print(f"{total:,} records folded in {took:.0f} s; the lag is zero.", highlight=False)


def _choose(found: "Settings", watched: "Watched") -> "Cast":
    from streams.app.demo import choose
    from streams.app.read_side import open_read_side

    with err.status("choosing whom to show …"), open_read_side(found) as side:
        return choose(side, watched)


def _show(cast: "Cast") -> None:
    from streams.serving.answers import rfc3339

    _section("A reader's home feed")
    _run("feed", str(cast.reader), "--limit", "6")
    _run("graph", str(cast.reader), "--limit", "10")
    if cast.story is not None:
        _section("Stories appear …")
        _run("tray", str(cast.reader), "--now", rfc3339(cast.now))
        _section("… and are gone when their 24 hours are over")
        _run("tray", str(cast.reader), "--now", rfc3339(cast.later))
        _section("Who viewed a story (its owner may ask), and what is counted")
        _run("viewers", str(cast.story), "--as", str(cast.owner), "--limit", "5")
        _run("counts", str(cast.story))
    if cast.content is not None:
        _run("counts", str(cast.content))


def _travel(found: "Settings", cast: "Cast") -> None:
    from streams.app.demo import travel
    from streams.app.read_side import open_read_side

    with open_read_side(found) as side:
        done = travel(found, side, cast)
    out.print(
        f"{cast.author}, whom {cast.reader} follows, posts {done.text!r}.\n"
        f"Kafka had it after {done.acknowledged_ms:.0f} ms ({done.position});\n"
        f"it stood in {cast.reader}'s warm feed after {done.visible_ms:.0f} ms.",
        highlight=False,
    )


def _dead_letters(found: "Settings") -> None:
    from streams.app.demo import dead_letters
    from streams.app.lagging import standing

    topics = [topic for topic, records in standing(found).dead_letters.items() if records]
    print_table(
        ("dead letter topic", "at", "code", "why it could not be applied"),
        (
            (
                seen.record.topic,
                f"{seen.record.partition}:{seen.record.offset}",
                (seen.dead_letter or {}).get("code"),
                (seen.dead_letter or {}).get("message"),
            )
            for seen in dead_letters(found, topics)
        ),
        title="Bad records, set aside with their reasons",
    )


def _next(cast: "Cast", found: "Settings", *, keep: bool) -> None:
    home = os.path.relpath(found.home)
    _section("What to try next")
    if not keep:
        out.print(
            "Everything is being stopped; `make demo KEEP=1` leaves it running. Then:",
            highlight=False,
        )
    lines = [
        f"export STORYLINE_HOME={home}",
        "storyline status",
        f"storyline feed {cast.reader} --limit 50",
        f"storyline author 1 --as {cast.reader}",
        f"""echo '{_HELLO}' | storyline publish -""",
        "storyline hashtag storyline",
        "storyline generate --users 5000 --start now --speed 1 --publish",
        "storyline lag",
        "storyline down",
    ]
    for line in lines:
        out.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def _section(title: str) -> None:
    out.print()
    out.rule(title, align="left")


def _run(*args: str) -> None:
    """Run a command of `storyline` as a person would, and show how it was called."""
    from streams.cli.main import app as storyline

    out.print(f"\n$ storyline {' '.join(args)}", style="bold", highlight=False, soft_wrap=True)
    storyline(list(args), standalone_mode=False)


@contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)
