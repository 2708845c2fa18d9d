"""Stop of programs in the reverse of their dependencies, in parallel if nothing orders them."""

import time

import psutil

from streams.errors import UserError
from streams.stack.config import StackConfig
from streams.stack.report import Report
from streams.stack.service import Service, WorkerService
from streams.stack.supervision import orphans, supervisor

_POLL_SECONDS = 0.05
_MARGIN_SECONDS = 15
_GONE = frozenset({"STOPPED", "EXITED", "FATAL"})


def stop_all(
    config: StackConfig,
    services: tuple[Service, ...],
    workers: tuple[WorkerService, ...],
    report: Report,
    *,
    everything: bool = False,
) -> None:
    """Stop workers, then each server once no running program depends on it.

    Args:
        everything: end the supervisor as well.

    Raises:
        UserError: programs do not stop in time.
    """
    names = frozenset(worker.name for worker in workers)
    needed_by = dict.fromkeys(names, frozenset[str]())
    for service in services:
        dependents = {
            other.name for other in services if service.name in (*other.depends_on, *other.uses)
        }
        needed_by[service.name] = names | dependents
    patience = max(
        *(service.stop_seconds for service in services),
        *(worker.stop_seconds for worker in workers),
        0,
        0,
    )
    _stop_in_order(config, needed_by, patience + _MARGIN_SECONDS, report)
    if everything:
        _leave(config)


def _stop_in_order(
    config: StackConfig, needed_by: dict[str, frozenset[str]], seconds: float, report: Report
) -> None:
    stopped_at: dict[str, float] = {}
    gone: set[str] = set()
    deadline = time.monotonic() + seconds * len(set(map(len, needed_by.values())))
    while len(gone) < len(needed_by):
        programs = supervisor.programs(config)
        for name in needed_by.keys() - gone:
            # A supervisor that an earlier release started does not know later programs.
            if name not in programs or programs[name].state in _GONE:
                gone.add(name)
                if name in stopped_at:
                    report.server(name, "stopped", time.monotonic() - stopped_at[name])
            elif name not in stopped_at and needed_by[name] <= gone:
                stopped_at[name] = time.monotonic()
                supervisor.stop_program(config, name)
                report.server(name, "stopping", 0)
        if time.monotonic() > deadline:
            left = ", ".join(sorted(needed_by.keys() - gone))
            raise UserError(f"these do not stop: {left}", hint="run `storyline down` again")
        time.sleep(_POLL_SECONDS)


def _leave(config: StackConfig) -> None:
    """End a supervisor that has nothing left to supervise.

    Its own shutdown sleeps for a second twice, with nothing left to do: it is killed instead.
    """
    pid = supervisor.pid(config)
    if pid is None:
        return
    process = psutil.Process(pid)
    process.kill()
    orphans.wait((process,), _MARGIN_SECONDS)
