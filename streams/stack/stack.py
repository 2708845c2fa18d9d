"""One local stack: start, stop, reset and status."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.errors import UserError
from streams.stack import checks
from streams.stack.artifacts import archive, download
from streams.stack.artifacts.jars import jars_of
from streams.stack.config import StackConfig
from streams.stack.report import Report, Silent
from streams.stack.servers.java import java
from streams.stack.service import ServerPaths, Service, WorkerService
from streams.stack.services import SERVICES, WORKERS, chosen
from streams.stack.supervision import launch_files, orphans, supervisor, supervisord_conf
from streams.stack.supervision.locks import locked
from streams.stack.supervision.start import start_all, start_workers
from streams.stack.supervision.status import ProgramStatus, statuses
from streams.stack.supervision.stop import stop_all


class Stack:
    """Servers and workers under one home. Cheap to create; the object holds no state."""

    def __init__(
        self,
        config: StackConfig,
        *,
        services: tuple[Service, ...] = SERVICES,
        workers: tuple[WorkerService, ...] = WORKERS,
        libraries: tuple[str, ...] = (),
    ) -> None:
        """Keep the declarations of the stack.

        Args:
            libraries: sections of the lock that no server needs, fetched with the servers' files.
        """
        self.config = config
        self.services = services
        self.workers = workers
        self.libraries = libraries

    def fetch(self, only: Iterable[str] = (), report: Report | None = None) -> int:
        """Download what the servers run on into the cache; return how many files were missing.

        If all servers are selected, download the libraries too.
        """
        requested = chosen(only, self.services)
        sections = [name for service in requested for name in service.jars]
        libraries = self.libraries if requested == tuple(self.services) else ()
        return self.fetch_jars(*sections, *libraries, report=report)

    def fetch_jars(self, *sections: str, report: Report | None = None) -> int:
        """Download and unpack sections of the lock; return how many files were missing.

        Args:
            sections: names of sections; `delta` is what Spark needs for Delta tables.
            report: receiver of progress, `None` to discard it.
        """
        reporter = report or Silent()
        jars = [jar for name in dict.fromkeys(sections) for jar in jars_of(name)]
        fetched = download.fetch(jars, self.config.cache, reporter)
        with locked(self.config.cache / "lock", reporter, "another download"):
            for jar in jars:
                if jar.extension != "jar":
                    archive.unpack(jar, self.config.cache)
        return fetched

    def up(self, only: Iterable[str] = (), report: Report | None = None) -> None:
        """Start the named servers (all if none is named) and return when each is ready.

        Servers that run already are left alone. Orphans of a supervisor that crashed are stopped
        first.

        Raises:
            UserError: a server does not start; the message names the server, the reason and its
                log. Also raised if a check of the machine fails, or if a server runs with other
                settings.
        """
        reporter = report or Silent()
        requested = chosen(only, self.services)
        checks.usable_home(self.config)
        checks.distinct_ports(self.config, self.services)
        with self._lock(reporter):
            running = self._running_servers()
            fresh = tuple(service for service in requested if service.name not in running)
            self._refuse_changed(requested, running)
            if fresh:
                program = java(self.config.java)
                self.fetch([service.name for service in requested], reporter)
                self._prepare(fresh, program, reporter)
            start_all(self.config, requested, reporter)

    def start_workers(self, groups: Iterable[str] = (), report: Report | None = None) -> None:
        """Keep the named workers running (all if none is named) and return when each stays up.

        Raises:
            UserError: a worker does not stay up; the message names the worker and its log.
        """
        reporter = report or Silent()
        requested = self._known_workers(groups)
        checks.usable_home(self.config)
        with self._lock(reporter):
            self._stop_orphans(reporter)
            self._supervise()
            for worker in requested:
                launch_files.write_files(launch_files.worker_files(worker, self.config))
            start_workers(self.config, requested, reporter)

    def _known_workers(self, groups: Iterable[str]) -> tuple[WorkerService, ...]:
        by_name = {worker.name: worker for worker in self.workers}
        for group in (requested := tuple(groups)):
            if group not in by_name:
                raise UserError(
                    f"there is no worker called {group}", hint=f"workers are: {', '.join(by_name)}"
                )
        return tuple(by_name[group] for group in requested) or self.workers

    def stop_workers(self, groups: Iterable[str] = ()) -> None:
        """Stop the named workers (all if none is named) and wait until they have ended."""
        with self._lock(Silent()):
            if supervisor.running(self.config):
                stop_all(self.config, (), self._known_workers(groups), Silent())

    def down(self, report: Report | None = None) -> bool:
        """Stop everything, also what a crashed supervisor left; return `False` if nothing ran."""
        reporter = report or Silent()
        if not self.config.home.is_dir():
            return False
        with self._lock(reporter):
            supervised = supervisor.running(self.config)
            if supervised:
                stop_all(self.config, self.services, self.workers, reporter, everything=True)
            supervisor.forget_socket(self.config)
            return self._end_orphans() > 0 or supervised

    def reset(self, report: Report | None = None) -> None:
        """Stop everything and delete what the servers and workers wrote.

        Derived data outside the home is kept and reported.
        """
        self.down(report)
        home = self.config.home
        if not home.is_dir():
            return
        with self._lock(report or Silent()):
            # Moved first: an interrupted deletion then leaves no partial data directory.
            trash = home / ".deleted"
            trash.mkdir(exist_ok=True)
            folders = [self.config.folder(name) for name in (supervisord_conf.NAME, *self._names())]
            for path in (*folders, *self.config.derived):
                if path.exists() and home in path.parents:
                    path.rename(Path(tempfile.mkdtemp(dir=trash)) / path.name)
            shutil.rmtree(trash)
        for path in self.config.derived:
            if path.exists() and report is not None:
                report.note(f"left {path}, made from the data that is gone now: delete it, too")

    def status(self) -> tuple[ProgramStatus, ...]:
        """Return the status of every server and worker, in the list's order."""
        return statuses(self.config, self.services, self.workers)

    def _running_servers(self) -> set[str]:
        try:
            programs = supervisor.programs(self.config)
        except supervisor.SupervisorDownError:
            return set()
        return {name for name, program in programs.items() if program.pid}

    def _refuse_changed(self, requested: tuple[Service, ...], running: set[str]) -> None:
        for service in requested:
            if service.name not in running:
                continue
            files = launch_files.server_files(service, self.config, java(self.config.java))
            if launch_files.changed(files):
                raise UserError(
                    f"{service.name} runs with other settings than the present ones",
                    hint="run `storyline down` first; data is kept",
                )

    def _prepare(self, fresh: tuple[Service, ...], program: Path, report: Report) -> None:
        self._stop_orphans(report)
        checks.free_ports(self.config, fresh)
        for service in fresh:
            launch_files.prepare_folders(self.config, service.name)
            launch_files.write_files(launch_files.server_files(service, self.config, program))
            if service.install is not None:
                folder = self.config.folder(service.name)
                service.install(ServerPaths(config=self.config, folder=folder, java=program))
        self._supervise()

    def _stop_orphans(self, report: Report) -> None:
        if supervisor.running(self.config):
            return
        left = self._end_orphans()
        if left:
            report.note(f"stopped {left} processes that a supervisor had left behind")

    def _supervise(self) -> None:
        if not supervisor.running(self.config):
            supervisor.start(self.config, self.services, self.workers)

    def _end_orphans(self) -> int:
        locks = tuple(launch_files.lock_file(self.config, name) for name in self._names())
        kindly = {
            launch_files.lock_file(self.config, service.name): service.stop_signal
            for service in self.services
        }
        return orphans.stop(locks, self._patience(), kindly)

    def _names(self) -> tuple[str, ...]:
        workers = (worker.name for worker in self.workers)
        return (*workers, *(service.name for service in self.services))

    def _patience(self) -> float:
        return max((service.stop_seconds for service in self.services), default=30)

    @contextmanager
    def _lock(self, report: Report) -> Iterator[None]:
        with locked(self.config.home / "lock", report, "another command on this stack"):
            yield
