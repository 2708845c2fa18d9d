"""`storyline demo`: the whole pipeline on real servers, in a home of its own."""

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.common.command import command_app
from streams.cli.common.output import err, out
from streams.cli.demo.history import history
from streams.cli.demo.live import choose_subjects, dead_letters, run_workers, show, show_latency
from streams.cli.demo.parts import run, section
from streams.contracts.times import DAY_MS, now_ms
from streams.errors import UserError

if TYPE_CHECKING:
    from streams.app.demo.subjects import DemoSubjects, EventStats
    from streams.app.settings import Settings
    from streams.contracts.events import Event
    from streams.generate.accounts import AccountTimeline

app = command_app()

_WEEK_MS = 7 * DAY_MS
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
    events: Annotated[int, typer.Option(min=1000, help="About how many events.")] = 150_000,
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

    Everything is stored under `demo` in the home directory and made again each time.
    """
    from streams.app.logs import configure_logs
    from streams.app.stack import local_stack

    configure_logs(logging.WARNING)
    week, accounts, title = _week(users, events, seed, higgs)
    settings = _own_settings()
    stack = local_stack(settings)
    began = time.monotonic()
    section("Servers: Kafka, schema registry, Cassandra, Redis, PostgreSQL, Kafka Connect")
    try:
        _prepare(settings)
        section("Events")
        out.print(title, highlight=False)
        stats = _send(week, accounts, events, seed)
        section("Workers: Kafka to Cassandra, Redis and the lake")
        run_workers(settings)
        subjects = choose_subjects(settings, stats)
        show(subjects)
        section("A post travels")
        show_latency(settings, subjects)
        section("What became of the records")
        dead_letters(settings)
        run("lag", "--totals")
        history(settings, subjects.author)
        out.print(f"\nAll of it took {time.monotonic() - began:.0f} s.", highlight=False)
        _next(subjects, settings, keep=keep)
    finally:
        if not keep:
            with err.status("stopping workers and servers …"):
                stack.down()


def _own_settings() -> "Settings":
    """Return settings with a home below the usual one, and set them for child processes, too."""
    from streams.app.settings import settings

    home = (settings().home / "demo").expanduser().absolute()
    os.environ |= {
        "STORYLINE_HOME": str(home),
        "STORYLINE_LAKE": str(home / "delta"),
        "STORYLINE_LAKE_BATCH_WAIT_MS": "2000",  # a person watches
    }
    settings.cache_clear()
    return settings()


def _prepare(settings: "Settings") -> None:
    from streams.app.accounts.change_stream import apply as apply_connector
    from streams.app.accounts.database import migrate_accounts
    from streams.app.broker import schema_registry, topic_admin
    from streams.app.migrate import migrate_views
    from streams.app.stack import local_stack
    from streams.cli.stack.progress import Display

    stack = local_stack(settings)
    with Display() as display:
        stack.reset(display)
        stack.up((), display)
    with err.status("topics, schemas, tables …") as status:
        topics = len(topic_admin(settings).apply())
        schemas = len(list(schema_registry(settings).register()))
        migrations = len(migrate_views(settings, lambda _: None).applied)
        migrations += len(migrate_accounts(settings, lambda _: None).applied)
        apply_connector(settings, status.update)
    out.print(
        f"{topics} topics, {schemas} schemas and {migrations} migrations are in place;"
        " changes of accounts are captured.",
        highlight=False,
    )


def _week(
    users: int, events: int, seed: int, higgs: Path | None
) -> "tuple[Iterator[Event], AccountTimeline, str]":
    """Return the events to send, the accounts that go with them, and a title of both.

    Args:
        users: Number of users of the synthetic network.
        events: Number of events.
        seed: Seed of the synthetic network.
        higgs: File of SNAP's Higgs interactions; `None` for a synthetic network.

    Raises:
        UserError: the numbers or the file cannot be used; no server is started yet.
    """
    from streams.generate.accounts import accounts_of, accounts_of_recorded
    from streams.generate.higgs import events_of
    from streams.generate.interactions import read_interactions
    from streams.generate.network import Network
    from streams.generate.world import Plan

    if higgs is not None:
        interactions = read_interactions(higgs, limit=events // 2)
        title = f"The first {len(interactions):,} interactions of the Higgs week."
        return iter(events_of(interactions)), accounts_of_recorded(), title
    start = now_ms() - _WEEK_MS
    try:
        plan = Plan(users=users, events=events, seed=seed, start=start, duration=_WEEK_MS)
    except ValueError as error:
        raise UserError(str(error), exit_code=2) from error
    title = f"A week of {users:,} people (seed {seed}), ending now; 8 bad records slip in."
    return iter(Network(plan)), accounts_of(plan), title


def _send(
    week: "Iterator[Event]", accounts: "AccountTimeline", events: int, seed: int
) -> "EventStats":
    from streams.app.demo.subjects import EventStats
    from streams.cli.events.emit import Destination, emit
    from streams.generate.duplicates import with_duplicates

    stats = EventStats()
    to = Destination(None, publish=True, speed=None, bad=8)
    sent = with_duplicates(stats.watch(week), 0.01, seed)
    emit(sent, to, expected=round(events * 1.01), as_json=False, accounts=accounts)
    return stats


def _next(subjects: "DemoSubjects", settings: "Settings", *, keep: bool) -> None:
    home = os.path.relpath(settings.home)
    section("What to try next")
    if not keep:
        out.print(
            "Everything is being stopped; `make demo KEEP=1` leaves it running. Then:",
            highlight=False,
        )
    move = f'{{"type":"Moved","user_id":"{subjects.author}","country":"NZ"}}'
    lines = [
        f"export STORYLINE_HOME={home}",
        "storyline status",
        f"storyline feed {subjects.reader} --limit 50",
        f"storyline author 1 --as {subjects.reader}",
        f"""echo '{_HELLO}' | storyline publish -""",
        "storyline hashtag storyline",
        "storyline generate --users 5000 --start now --speed 1 --publish",
        "storyline lag",
        f"echo '{move}' | storyline accounts apply -",
        "storyline lake run --once",
        "storyline lake status",
        "storyline ask --list",
        "storyline ask story-funnel --csv",
        "storyline down",
    ]
    for line in lines:
        out.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
