"""Single flight: one caller at a time for each key. Later callers wait, and find the work done."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SingleFlight:
    """Locks by key that exist only while a thread uses them; thread-safe."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._flights: dict[int, tuple[threading.Lock, int]] = {}

    @contextmanager
    def lock(self, key: int) -> Iterator[None]:
        """Hold the lock of `key`: no other thread is inside with an equal key."""
        with self._guard:
            lock, users = self._flights.get(key, (threading.Lock(), 0))
            self._flights[key] = lock, users + 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, users = self._flights[key]
                if users == 1:
                    del self._flights[key]
                else:
                    self._flights[key] = lock, users - 1
