"""The whole line in an open loop: CPU by process, freshness by view, and the rates that it holds.

Everything runs as `storyline up --workers` starts it. A network of people has been folded,
everybody's timeline is warm, and a generator in a process of its own publishes what they do next at
an offered rate, whatever the line does with it. Once a second a probe changes each view:

feed     a post by an author with so many warm followers, until the last of a shard to be served
         sees it in the home feed; of the pulled author, until the only follower does
counts   a like, until the content's counts have it
tray     a story, until the only follower's tray has it
bronze   the same posts, until a commit of their Delta table has them

`idle` publishes nothing, `0/s` only the probes. A rate is held if the generator kept it, 99 of 100
posts by authors whose posts are pushed are visible within a second, and the workers of the views
have left no more uncommitted than 2 seconds of it. What a process costs at two rates is split into
what it costs at any rate and what it costs for each event, from the lowest rate and the highest
that was held, or the highest of all if none was. What is counted by event is counted by those that
the workers took, which are fewer than were offered if the line is behind.

`catch-up` is the rate at which a backlog, written while no worker runs, is folded, from the first
commit of any worker on.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from bench.line_figures import (
    Batches,
    Costs,
    Processes,
    catch_up_rates,
    cores,
    costs,
    is_held,
    percentile,
)
from bench.line_load import Generator, Load
from bench.line_probes import PER_S, Prober, probing
from bench.line_stack import SOURCES, VIEWS, Line, People
from bench.report import Report
from streams.app.read_side import open_read_side
from streams.app.settings import Settings
from streams.app.stack import local_stack
from streams.cli.common.progress_bar import counting_bar
from tests.support.local_stack import own_settings

SERVERS: Final = ()
"""None of the benchmark's own: each line starts all of its servers by itself."""
_WARM_UP: Final = 0.25
"""Share of the seconds of a rate that pass before anything counts."""
_SETTLE_S: Final = 120
_DRAIN_S: Final = 1_800
_ALL: Final = "all"
_US: Final = 1e6
_MS: Final = 1e3
_MIB: Final = 2**20


class _Size(NamedTuple):
    people: People
    rates: Sequence[int]
    seconds: float
    hold: Sequence[int]
    hold_seconds: float
    backlog: int
    only: Sequence[str] = ()
    """Servers to start; all if empty."""


_SIZES: Final = {
    "tiny": _Size(
        People(100, 500, (3, 30)),
        (0, 100),
        2,
        (50,),
        2,
        2_000,
        ("kafka", "registry", "cassandra", "redis"),
    ),
    "small": _Size(
        People(5_000, 50_000, (7, 500, 2_000)), (0, 500, 1_000, 2_000), 20, (), 30, 50_000
    ),
    "full": _Size(
        People(20_000, 200_000, (7, 500, 10_000)),
        (0, 500, 1_000, 2_000, 5_000, 10_000, 20_000),
        60,
        (500, 1_000, 2_000, 5_000, 10_000),
        300,
        1_800_000,
    ),
}


class Options(NamedTuple):
    """Changes that a call makes to a size; `None` keeps the size's value."""

    rates: Sequence[int] | None = None
    seconds: float | None = None
    hold: Sequence[int] | None = None
    hold_seconds: float | None = None
    backlog: int | None = None
    users: int | None = None
    build: Path | None = None


def options(arguments: Sequence[str]) -> Options:
    """Return the options of a call of this benchmark; exits if they are wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench line", add_help=False)
    parser.add_argument("--rates", type=_rates, help="events per second, as 0,500,1000")
    parser.add_argument("--seconds", type=float, help="seconds for each rate")
    parser.add_argument("--hold", type=_rates, help="rates to hold in turn; empty: none")
    parser.add_argument("--hold-seconds", type=float, help="seconds to hold each")
    parser.add_argument("--backlog", type=int, help="events to catch up with; 0: none")
    parser.add_argument("--users", type=int, help="people in the network")
    parser.add_argument("--build", type=Path, help="a checkout to measure in turn with this one")
    return Options(**vars(parser.parse_args(arguments)))


def _rates(text: str) -> Sequence[int]:
    return tuple(int(part) for part in text.split(",") if part)


class Measured(NamedTuple):
    """Measurement of a line at one rate."""

    title: str
    rate: int
    seconds: float
    cores: Mapping[str, float]
    """Program -> CPU seconds per second; those of the benchmark itself are not among them."""
    bytes: Mapping[str, int]
    batches: Mapping[str, Batches]
    """Worker -> its batches and their records, both per second."""
    others: float
    """Cores that neither the line nor the benchmark used."""
    latencies: Mapping[str, Sequence[float]]
    """View -> seconds until the probes were visible."""
    load: Load | None
    probes: float
    """Cores that the probes took."""
    backlog: Mapping[str, int]
    """Records that each group had not committed at the end."""
    drained_s: float
    """Seconds from the end until the groups of the views had committed all."""

    def p(self, view: str, share: float) -> float | None:
        """Return a percentile in milliseconds; `None` if there was no probe."""
        found = self.latencies.get(view)
        return _MS * percentile(found, share) if found else None

    @property
    def total(self) -> float:
        return sum(self.cores.values())

    def used(self, name: str) -> float:
        """Return the cores of a program, or of all."""
        return self.total if name == _ALL else self.cores.get(name, 0.0)

    def per_event(self, name: str) -> float | None:
        """Return the CPU microseconds of a program, or of all, per event that is folded."""
        return _US * self.used(name) / self.folded if self.rate and self.folded else None

    @property
    def folded(self) -> float:
        """Events per second that the workers of the views took into batches."""
        return sum(one.records for name, one in self.batches.items() if name in SOURCES)

    def records(self, name: str) -> float | None:
        """Return the records in a batch of a worker, on average."""
        found = self.batches.get(name)
        return found.records / found.batches if found and found.batches else None

    def batch_ms(self, name: str) -> float | None:
        """Return the time of a batch of a worker in milliseconds, waiting for stores included."""
        found = self.batches.get(name)
        return _MS * found.seconds / found.batches if found and found.batches else None

    def per_batch(self, name: str) -> float | None:
        """Return the CPU milliseconds of a worker per batch: all that it uses."""
        found = self.batches.get(name)
        return _MS * self.used(name) / found.batches if found and found.batches else None

    def memory(self, name: str) -> float:
        """Return the resident MiB of a program."""
        return self.bytes.get(name, 0) / _MIB

    @property
    def views(self) -> int:
        """Records that the workers of the views had left."""
        return sum(self.backlog.get(name, 0) for name in VIEWS)

    @property
    def pushed(self) -> Sequence[float]:
        """Seconds until the posts of all authors whose posts are pushed were visible."""
        return [
            one
            for view, found in self.latencies.items()
            if view.startswith("feed") and "pulled" not in view
            for one in found
        ]

    @property
    def held(self) -> bool:
        kept = self.load is None or self.load.kept
        worst = percentile(self.pushed, 0.99) if self.pushed else 0.0
        return is_held(self.rate or 1, kept, worst, self.views)


def run(report: Report, size: str, settings: Settings, arguments: Sequence[str] = ()) -> None:
    chosen = options(arguments)
    sizes = _SIZES[size]
    changed = {
        name: value
        for name, value in chosen._asdict().items()
        if value is not None and name in _Size._fields
    }
    sizes = sizes._replace(**changed)
    if chosen.users is not None:
        sizes = sizes._replace(people=sizes.people._replace(users=chosen.users))
    if size == "tiny":
        settings = settings.model_copy(update={"lake_batch_wait_ms": 500})
    report.figure("load average before", "processes", os.getloadavg()[0])
    with ExitStack() as cleaning:
        lines = [_line(sizes, settings, None)]
        if chosen.build is not None:
            lines.append(
                cleaning.enter_context(
                    _other(sizes, chosen.build.resolve(), settings.lake_batch_wait_ms)
                )
            )
        for line in lines:
            with counting_bar("writing the first events", sizes.people.base) as advance:
                line.install(advance)
            line.warm()
            _rest(lines, line)
        _tables(report, [*_all_rates(lines, sizes)])
        for line in lines:
            _hold(report, lines, line, sizes)
        for line in lines:
            _catch_up(report, lines, line, sizes)
    report.figure("load average after", "processes", os.getloadavg()[0])


def _line(sizes: _Size, settings: Settings, build: Path | None) -> Line:
    """Return a line with as many events as the measurements need."""
    warm_up = 1 + _WARM_UP
    events = sum(round(rate * sizes.seconds * warm_up) for rate in sizes.rates)
    events += sum(round(rate * sizes.hold_seconds * warm_up) for rate in sizes.hold)
    return Line(settings, sizes.people, events + sizes.backlog, build, sizes.only)


@contextmanager
def _other(sizes: _Size, build: Path, lake_wait_ms: int) -> Iterator[Line]:
    """Yield a line of another build, with servers and views of its own."""
    with tempfile.TemporaryDirectory(prefix="storyline-bench-") as folder:
        own = own_settings(Path(folder) / "home")
        line = _line(sizes, own.model_copy(update={"lake_batch_wait_ms": lake_wait_ms}), build)
        try:
            yield line
        finally:
            local_stack(line.settings).down()


# Only one of several lines runs at a time.


def _rest(lines: Sequence[Line], line: Line) -> None:
    if len(lines) > 1:
        line.stop()


def _wake(lines: Sequence[Line], line: Line) -> None:
    if len(lines) > 1:
        line.start()
        line.warm()  # Redis keeps nothing
        line.drain()


# Rates


def _all_rates(lines: Sequence[Line], sizes: _Size) -> Iterator[Measured]:
    """Measure every rate of each line, the lines in turn: none has the quiet hours."""
    for rate in (None, *sizes.rates):
        for line in lines:
            _wake(lines, line)
            yield _measure(line, rate, sizes.seconds)
            _rest(lines, line)


def _measure(line: Line, rate: int | None, seconds: float) -> Measured:
    """Measure a rate; `None`: without probes."""
    title = "idle" if rate is None else f"{rate:,}/s"
    title = f"{title} {line.name}".strip()
    whole = seconds * (1 + _WARM_UP)
    generator = None
    if rate:
        events = round(rate * whole)
        with counting_bar(f"writing events for {title}", events) as advance:
            generator = Generator(line.settings, line.write(events, advance), rate)
    with (
        open_read_side(line.settings) as side,
        line.producer() as producer,
        probing(line.settings, side, producer, line.people.authors, line.story()) as prober,
        counting_bar(title, round(whole)) as advance,
    ):
        _settle(prober)
        if generator is not None:
            generator.begin()
        _probe(prober, rate, seconds * _WARM_UP, counting=False)
        advance(round(seconds * _WARM_UP))
        before = _look(line)
        _probe(prober, rate, seconds, counting=True)
        after = _look(line)
        backlog = line.backlogs()
        drained_s = _drain(line, prober)
        load = generator.result() if generator is not None else None
        latencies = dict(prober.results(line.settings.lake_path)) if rate is not None else {}
    length = after.at - before.at
    used = cores(before.processes, after.processes, length)
    probes = (after.own_s - before.own_s) / length
    busy = (after.busy_s - before.busy_s) / length
    others = busy - sum(used.values()) - probes - (load.cores if load else 0.0)
    sizes = {name: one.bytes for name, one in after.processes.items()}
    return Measured(
        title=title,
        rate=rate or 0,
        seconds=length,
        cores=used,
        bytes=sizes,
        batches={
            name: one.since(before.batches.get(name), length) for name, one in after.batches.items()
        },
        others=max(0.0, others),
        latencies=latencies,
        load=load,
        probes=probes,
        backlog=backlog,
        drained_s=drained_s,
    )


def _settle(prober: Prober) -> None:
    """Let a probe pass through each view: workers that have just been started are slow."""
    prober.run(1 / PER_S, counting=False)
    assert prober.wait(_SETTLE_S), "probes are not visible"


def _probe(prober: Prober, rate: int | None, seconds: float, *, counting: bool) -> None:
    if rate is None:
        time.sleep(seconds)
    else:
        prober.run(seconds, counting=counting)


class _Look(NamedTuple):
    at: float
    processes: Processes
    batches: Mapping[str, Batches]
    own_s: float
    """CPU seconds of this process."""
    busy_s: float
    """CPU seconds of everything on the machine."""


def _look(line: Line) -> _Look:
    times = psutil.cpu_times()
    busy_s = times.user + times.nice + times.system
    processes, at = line.processes(), time.perf_counter()
    return _Look(at, processes, line.batches(), time.process_time(), busy_s)


def _drain(line: Line, prober: Prober) -> float:
    """Wait until all is committed, the lake's records last, and note which probes are visible.

    Returns the seconds until the views had committed all.
    """
    began = time.perf_counter()
    while line.backlog():
        prober.wait(0.25)
        assert time.perf_counter() - began < _DRAIN_S, line.backlogs()
    drained_s = time.perf_counter() - began
    prober.wait(5)
    line.drain(_DRAIN_S)
    return drained_s


# What is printed


def _tables(report: Report, found: Sequence[Measured]) -> None:
    columns = [one.title for one in found]
    views = _names(found, lambda one: one.latencies)
    programs = _names(found, lambda one: one.cores)

    def table(
        title: str, unit: str, rows: Mapping[str, Callable[[Measured], float | None]]
    ) -> None:
        cells = {name: [of(one) for one in found] for name, of in rows.items()}
        report.table(title, unit, columns, cells)

    for share in (0.5, 0.99):
        percent = f"p{100 * share:.0f}"
        rows = {f"{view}, {percent}": partial(Measured.p, view=view, share=share) for view in views}
        table(f"until visible, {percent}", "ms", rows)
    used: dict[str, Callable[[Measured], float | None]] = {
        f"{name}, CPU": partial(Measured.used, name=name) for name in programs
    }
    used |= {
        "all servers and workers, CPU": lambda one: one.total,
        "generator, CPU": lambda one: one.load.cores if one.load else None,
        "probes, CPU": lambda one: one.probes,
        "other programs of the machine, CPU": lambda one: one.others,
    }
    table("CPU", "cores", used)
    spent = {f"{name}, each event": partial(Measured.per_event, name=name) for name in programs}
    table(
        "CPU by events", "µs", spent | {"all, each event": partial(Measured.per_event, name=_ALL)}
    )
    workers = _names(found, lambda one: one.batches)
    batches: dict[str, Callable[[Measured], float | None]] = {
        f"{name}, batches/s": partial(_batches, name=name) for name in workers
    }
    batches |= {
        f"{name}, records a batch": partial(Measured.records, name=name) for name in workers
    }
    batches |= {
        f"{name}, time of a batch, ms": partial(Measured.batch_ms, name=name) for name in workers
    }
    batches |= {
        f"{name}, CPU of a batch, ms": partial(Measured.per_batch, name=name) for name in workers
    }
    table("batches", "", batches)
    table(
        "memory",
        "MiB",
        {f"{name}, memory": partial(Measured.memory, name=name) for name in programs},
    )
    table(
        "at the end",
        "",
        {
            "folded into views, events/s": lambda one: one.folded,
            "backlog of views, records": lambda one: one.views,
            "backlog of the lake, records": lambda one: one.backlog.get("lake", 0),
            "views drained after, s": lambda one: one.drained_s,
            "generator late, p99, ms": lambda one: _MS * one.load.late_s if one.load else None,
            "generator kept the rate": lambda one: float(one.load.kept) if one.load else None,
            "held": lambda one: float(one.held) if one.latencies else None,
        },
    )
    _table_of_costs(report, found, programs)


def _table_of_costs(report: Report, every: Sequence[Measured], programs: Sequence[str]) -> None:
    """Print fixed costs and costs per event, from the lowest rate and the highest that is held."""
    for name in dict.fromkeys(_line_of(one) for one in every):
        loaded = sorted(
            (one for one in every if one.rate and _line_of(one) == name), key=lambda one: one.rate
        )
        if len(loaded) < 2:
            continue
        low, high = loaded[0], next((one for one in loaded[:0:-1] if one.held), loaded[-1])

        def split(program: str, low: Measured = low, high: Measured = high) -> Sequence[float]:
            fixed, per_event = costs(
                (low.folded, low.used(program)), (high.folded, high.used(program))
            )
            return fixed, _US * per_event

        columns = [f"{column} {name}".strip() for column in ("fixed, cores", "each event, µs")]
        rows = {f"{program}, cost": split(program) for program in (*programs, _ALL)}
        report.table(f"cost from {low.title} and {high.title}", "", columns, rows)
        columns = [f"{column} {name}".strip() for column in ("a batch, ms", "a record, µs")]
        split_batches = {
            f"{worker}, CPU": (found.fixed, _MS * found.per_event)
            for worker in low.batches
            if (found := batch_costs(low, high, worker)) is not None
        }
        report.table(f"CPU from {low.title} and {high.title}", "", columns, split_batches)


def batch_costs(low: Measured, high: Measured, worker: str) -> Costs | None:
    """Return the CPU milliseconds of a worker for each batch and for each record in it.

    Args:
        low: Measurement with small batches.
        high: Measurement with large ones.
        worker: Name of the worker.

    Returns:
        `None` if a measurement has no batch, or both have batches of one size.
    """
    sizes = low.records(worker), high.records(worker)
    used = low.per_batch(worker), high.per_batch(worker)
    if None in (*sizes, *used) or sizes[0] == sizes[1]:
        return None
    return costs((sizes[0] or 0, used[0] or 0), (sizes[1] or 0, used[1] or 0))


def _batches(one: Measured, name: str) -> float | None:
    return one.batches[name].batches if name in one.batches else None


def _line_of(one: Measured) -> str:
    return one.title.partition(" ")[2]


def _names(
    found: Sequence[Measured], of: Callable[[Measured], Mapping[str, object]]
) -> Sequence[str]:
    return list(dict.fromkeys(name for one in found for name in of(one)))


# The highest rate, and catching up


def _hold(report: Report, lines: Sequence[Line], line: Line, sizes: _Size) -> None:
    """Hold ever higher rates, until one is not held."""
    if not sizes.hold:
        return
    _wake(lines, line)
    highest = 0
    for rate in sizes.hold:
        found = _measure(line, rate, sizes.hold_seconds)
        report.figure(
            f"{found.title} held for long, p99", "ms", _MS * percentile(found.pushed, 0.99)
        )
        if not found.held:
            break
        highest = rate
    report.figure(f"highest rate held {line.name}".strip(), "events/s", highest)
    _rest(lines, line)


def _catch_up(report: Report, lines: Sequence[Line], line: Line, sizes: _Size) -> None:
    if not sizes.backlog:
        return
    _wake(lines, line)
    line.stop_workers()
    with counting_bar("writing a backlog", sizes.backlog) as advance:
        generator = Generator(line.settings, line.write(sizes.backlog, advance), 0)
    generator.begin()
    generator.result()
    with counting_bar("folding the backlog", sizes.backlog) as advance:
        views, lake = line.fold_backlog(advance)
    for name, found in zip(("views", "lake"), catch_up_rates((views, lake)), strict=True):
        title = f"catch-up of {name} {line.name}".strip()
        report.figure(title, "events/s", found.per_s)
        report.figure(f"{title}, CPU of all programs", "µs/event", _US * found.cpu_s)
    _rest(lines, line)
