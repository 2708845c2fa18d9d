"""A line to measure: what `storyline up --workers` starts, and a network whose events it folds."""

import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from bench.line_figures import Batches, Process, Sample, batches
from bench.line_load import EventFile, Generator
from bench.line_probes import Author, Story, post
from bench.warm import DIGEST, ids_before
from streams import host
from streams.agents.registry import AGENTS
from streams.app.settings import Settings
from streams.app.stack import environment, local_stack
from streams.app.stores import durable_views, progress, timeline_cache
from streams.contracts.events import Event, Tier, UserFollowed, UserUnfollowed
from streams.contracts.ids import SnowflakeGenerator, id_time
from streams.contracts.times import DAY_MS, HOUR_MS, now_ms
from streams.generate.network import Network
from streams.generate.world import Plan
from streams.kafka.consumer_groups import Progress
from streams.producer import EventProducer
from streams.stack.supervision import supervisor
from streams.views.effects import Effects, SetTier, Stamp
from tests.support.workers import wait_until

ROOT: Final = Path(__file__).parents[1]
NODE: Final = 91
_PULLED: Final = 1_000_000
"""Followers that the celebrity is said to have. One follows; the tier is set."""
_AUTHOR, _READER, _STORY_AUTHOR = 7_000_000_000, 8_000_000_000, 7_500_000_000
_STORY_AUTHORS: Final = 100
_TIMELINE: Final = 100
"""Entries of a timeline before anything is delivered."""
_WITHIN: Final = 20 * HOUR_MS
"""Duration of the simulated events, of which no story ends while the benchmark runs."""
_FOLD_S: Final = 1_800
_START_S: Final = 120
_POLL_S: Final = 0.25

VIEWS: Final = tuple(name for name in AGENTS if name != "lake")
SOURCES: Final = tuple(name for name in VIEWS if name != "delivery")
"""Groups that read the events themselves, each of which one of them reads."""

Advance = Callable[[int], None]


class People(NamedTuple):
    """The network, in the order in which its events happen."""

    users: int
    """Number of people, with ids from 1."""
    base: int
    """Number of events before anything is measured, most of all follows."""
    sizes: Sequence[int]
    """Followers of the authors of probe posts."""
    seed: int = 17

    @property
    def authors(self) -> Sequence[Author]:
        """Authors of probe posts: one of each size, and a celebrity.

        The ids of their readers are above those of all other followers, who are served first.
        """
        sizes = [*self.sizes, _PULLED]
        return [
            Author(_AUTHOR + place, _READER + place, size, pulled=size == _PULLED)
            for place, size in enumerate(sizes)
        ]

    @property
    def stories(self) -> Sequence[Story]:
        return [
            Story(_STORY_AUTHOR + place, _READER + 1_000 + place) for place in range(_STORY_AUTHORS)
        ]

    def follows(self) -> Iterator[tuple[int, int]]:
        """Yield the follows (follower, followee) of the authors of probes."""
        draw = random.Random(self.seed)
        for author in self.authors:
            others = 0 if author.pulled else author.followers - 1
            for follower in draw.sample(range(1, self.users + 1), others):
                yield follower, author.author_id
            yield author.reader_id, author.author_id
        for story in self.stories:
            yield story.reader_id, story.author_id


class Line:
    """Servers, workers and views of one build."""

    def __init__(
        self,
        settings: Settings,
        people: People,
        events: int,
        build: Path | None,
        only: Sequence[str] = (),
    ) -> None:
        """Prepare the network's events; nothing is started.

        Args:
            settings: Settings of the line.
            people: Network.
            events: Number of events after the first ones, all measurements together.
            build: Checkout with a `.venv` whose servers and workers run; `None` for this one.
            only: Servers to start, with what they need; all if empty.
        """
        self.settings = settings
        self.people = people
        self.name = "" if build is None else build.name
        self._build = build
        self._only = only
        plan = Plan(
            users=people.users,
            events=people.base + events,
            seed=people.seed,
            start=now_ms() - _WITHIN,
            duration=_WITHIN,
        )
        self._events = iter(Network(plan))
        self._followed: dict[int, set[int]] = {}
        self._stories_used = 0
        self._progress: Progress | None = None
        self.folder = settings.home.expanduser().absolute() / "bench-line"

    # Start and stop

    def install(self, advance: Advance) -> None:
        """Start everything, and fold the network's first events and follows."""
        self._command(*self._up())
        self._command("topics", "apply")
        self._command("schemas", "register")
        self._command("migrate", *(("--only", "views") if self._only else ()))
        self.folder.mkdir(parents=True, exist_ok=True)
        self._publish_base(advance)
        self.start()
        self.drain(_FOLD_S)
        self._appoint_celebrity()

    def start(self) -> None:
        """Start what does not run, and wait until all workers have connected."""
        self._command(*self._up(), "--workers")
        wait_until(
            lambda: self.batches().keys() == AGENTS.keys(), timeout_s=_START_S, what="all workers"
        )

    def stop(self) -> None:
        """Stop servers and workers; data is kept."""
        self._command("down")

    def stop_workers(self) -> None:
        local_stack(self.settings).stop_workers()

    def start_in_background(self) -> "subprocess.Popen[bytes]":
        return self._popen(*self._up(), "--workers")

    def warm(self) -> None:
        """Give all people timelines, and deliver to all of them from now on.

        Those of the readers of probes are made by the read side, at their first read.
        """
        timelines = timeline_cache(self.settings)
        ids = ids_before(_TIMELINE)
        for reader, followed in self._followed.items():
            if reader <= self.people.users:
                token = timelines.begin_load(reader, followed)
                assert token is not None
                assert timelines.complete_load(reader, token, ids, 0, DIGEST)

    def _up(self) -> Sequence[str]:
        return ("up", *(part for name in self._only for part in ("--only", name)))

    def _command(self, *arguments: str) -> None:
        process = self._popen(*arguments)
        printed, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"storyline {' '.join(arguments)}: {printed.decode()}")

    def _popen(self, *arguments: str) -> "subprocess.Popen[bytes]":
        python = self._build / ".venv/bin/python" if self._build else Path(sys.executable)
        return subprocess.Popen(
            [str(python), "-m", "streams.cli.main", *arguments],
            env=os.environ | environment(self.settings),
            cwd=self._build or ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    # Events

    def write(self, events: int, advance: Advance) -> Path:
        """Write the next events to a file for a generator."""
        path = self.folder / "events"
        EventFile(self.settings).write(path, self._next(events), advance)
        return path

    def story(self) -> Story:
        """Return the next author of stories, so that trays stay short."""
        self._stories_used += 1
        return self.people.stories[self._stories_used % _STORY_AUTHORS]

    def _next(self, events: int) -> Iterator[Event]:
        """Yield the next events, and keep track of the follows."""
        for _ in range(events):
            event = next(self._events)
            match event:
                case UserFollowed():
                    self._followed.setdefault(event.follower_id, set()).add(event.followee_id)
                case UserUnfollowed():
                    self._followed.get(event.follower_id, set()).discard(event.followee_id)
                case _:
                    pass
            yield event

    def _publish_base(self, advance: Advance) -> None:
        path = self.folder / "events"

        def events() -> Iterator[Event]:
            yield from self._next(self.people.base)
            mint = SnowflakeGenerator(NODE)
            for follower, followee in self.people.follows():
                self._followed.setdefault(follower, set()).add(followee)
                event_id = mint.next_id()
                yield UserFollowed(
                    event_id=event_id,
                    occurred_at=id_time(event_id),
                    follower_id=follower,
                    followee_id=followee,
                )

        EventFile(self.settings).write(path, events(), advance)
        generator = Generator(self.settings, path, 0)
        generator.begin()
        generator.result()
        with self.producer() as producer:
            for author in self.people.authors:
                producer.publish(post(producer, author.author_id))

    def _appoint_celebrity(self) -> None:
        """Set the tier of the author whose posts are pulled, so that no count changes it."""
        stamp = Stamp(now_ms() + DAY_MS, 1)
        tiers = [
            SetTier(author.author_id, stamp, Tier.CELEBRITY)
            for author in self.people.authors
            if author.pulled
        ]
        with durable_views(self.settings) as store:
            store.apply(Effects(tiers=tiers))

    def producer(self) -> EventProducer:
        return EventProducer(self.settings.bootstrap, self.settings.registry_url, node=NODE)

    # Looks

    def processes(self) -> Mapping[str, Process]:
        """Return the servers and workers that run, with what they have used so far."""
        found = {}
        for name, program in supervisor.programs(local_stack(self.settings).config).items():
            if program.pid:
                found[name] = usage(program.pid)
        return found

    def batches(self) -> Mapping[str, Batches]:
        """Return the batches of each worker so far, as the worker reports them."""
        groups = {self.settings.group(name): name for name in AGENTS}
        found = {}
        for path in (self.settings.home.expanduser().absolute() / "run/workers").glob("*.json"):
            with suppress(OSError):  # a worker that has just ended
                announced = json.loads(path.read_text(encoding="utf-8"))
                if name := groups.get(announced["group"]):
                    found[name] = batches(_get(announced["metrics"]))
        return found

    def backlog(self, groups: Sequence[str] = VIEWS) -> int:
        """Return the number of records that groups have not committed yet."""
        return sum(self.backlogs(groups).values())

    def backlogs(self, groups: Sequence[str] = tuple(AGENTS)) -> Mapping[str, int]:
        """Return the number of records that each group has not committed yet."""
        names = {self.settings.group(name): name for name in groups}
        left = dict.fromkeys(groups, 0)
        topics = {group: AGENTS[name].topics for group, name in names.items()}
        if self._progress is None:
            self._progress = progress(self.settings)
        for lag in self._progress.lag(topics):
            left[names[lag.group]] += lag.lag
        return left

    def drain(self, timeout_s: float = _FOLD_S) -> None:
        """Wait until all groups, the lake's included, have committed all records."""
        wait_until(
            lambda: not self.backlog(tuple(AGENTS)),
            timeout_s=timeout_s,
            poll_s=_POLL_S,
            what="no backlog",
        )

    def fold_backlog(self, advance: Advance) -> tuple[Sequence[Sample], Sequence[Sample]]:
        """Start the workers; return samples of the backlogs of views and lake until none is left.

        The workers must be stopped.
        """
        views: list[Sample] = []
        lake: list[Sample] = []
        starting = self.start_in_background()
        deadline = time.monotonic() + _FOLD_S
        try:
            while not (views and views[-1].left == lake[-1].left == 0):
                left = self.backlogs()
                cpu_s = sum(one.cpu_s for one in self.processes().values())
                now = time.monotonic()
                views.append(Sample(now, sum(left[name] for name in SOURCES), cpu_s))
                lake.append(Sample(now, left["lake"], cpu_s))
                advance(views[0].left - views[-1].left)
                assert now < deadline, f"a backlog is left after {_FOLD_S} s: {left}"
                time.sleep(_POLL_S)
        finally:
            starting.communicate(timeout=120)
        assert starting.returncode == 0
        return views, lake


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - a worker's own
        return str(answer.read().decode())


def usage(pid: int) -> Process:
    """Return what a process and its children have used, those that have ended included."""
    process = psutil.Process(pid)
    times = process.cpu_times()
    cpu_s = times.user + times.system + times.children_user + times.children_system
    children = process.children(recursive=True)
    size = host.proportional_bytes(process) if children else process.memory_info().rss
    for child in children:
        try:
            times, resident = child.cpu_times(), host.proportional_bytes(child)
        except psutil.Error:
            continue
        cpu_s += times.user + times.system
        size += resident
    return Process(pid, cpu_s, size)
