"""One at a time for each key: whoever comes second waits, and finds the work done."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SingleFlight:
    """Locks that are there only while somebody wants them; safe between threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._flights: dict[int, tuple[threading.Lock, int]] = {}

    @contextmanager
    def alone(self, key: int) -> Iterator[None]:
        """Nobody else is inside with the same key."""
        with self._guard:
            lock, wanted = self._flights.get(key, (threading.Lock(), 0))
            self._flights[key] = lock, wanted + 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, wanted = self._flights[key]
                if wanted == 1:
                    del self._flights[key]
                else:
                    self._flights[key] = lock, wanted - 1
