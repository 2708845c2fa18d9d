"""Lock in the keyspace itself: a row with an owner that expires by itself."""

import os
import secrets
import socket
import time
from typing import Self

from streams.errors import UserError
from streams.sinks.cassandra.session import Session

_EXPIRES_S = 60
_POLL_S = 0.2

_CREATE = "CREATE TABLE IF NOT EXISTS schema_lock (name text PRIMARY KEY, owner text)"
_TAKE = "INSERT INTO schema_lock (name, owner) VALUES ('migrate', ?) IF NOT EXISTS USING TTL ?"
_RENEW = "UPDATE schema_lock USING TTL ? SET owner = ? WHERE name = 'migrate' IF owner = ?"
_RELEASE = "DELETE FROM schema_lock WHERE name = 'migrate' IF owner = ?"


class MigrationLock:
    """Lock that one process at a time holds, as a context manager.

    It expires after `expires_s` without `renew`, so that a process that died does not block others
    for long. Entering raises UserError if another process holds it for longer than `wait_s`.
    """

    def __init__(self, session: Session, *, wait_s: float, expires_s: int = _EXPIRES_S) -> None:
        self._session = session
        self._wait_s = wait_s
        self._expires_s = expires_s
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

    def __enter__(self) -> Self:
        self._session.run(_CREATE)
        self._session.await_schema_agreement(self._wait_s)
        deadline = time.monotonic() + self._wait_s
        while (holder := self._take()) != self.owner:
            if time.monotonic() >= deadline:
                raise UserError(
                    f"another migration is running (held by {holder})",
                    hint=f"wait for it; if it died, the lock expires after {self._expires_s} s",
                )
            time.sleep(_POLL_S)
        return self

    def __exit__(self, *_: object) -> None:
        list(self._session.rows(_RELEASE, self.owner))

    def renew(self) -> None:
        """Hold the lock for another `expires_s`.

        Raises:
            UserError: The lock has expired and this process does not own it any more.
        """
        (answer,) = self._session.rows(_RENEW, self._expires_s, self.owner, self.owner)
        if not answer[0]:
            raise UserError(
                "lost the migration lock to another process",
                hint="run it again when that one has finished",
            )

    def _take(self) -> str:
        """Try once to take the lock; return its owner after the try."""
        (answer,) = self._session.rows(_TAKE, self.owner, self._expires_s)
        # [applied], or [applied, name, owner] of the row that is there already
        return self.owner if answer[0] else str(answer[2])
