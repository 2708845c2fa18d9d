"""A worker in this very process, and something beside it."""

import os
import signal
import threading
from collections.abc import Callable

from streams.runtime.worker import Worker


def work_beside(
    worker: Worker, meanwhile: Callable[[], None], *, failing: Callable[[], None] = lambda: None
) -> None:
    """Run a worker, `meanwhile` in another thread from its first assignment on; then stop it.

    What `meanwhile` raises is raised once the worker has ended; `failing` is called before, to let
    go what would keep the worker.
    """
    failures: list[BaseException] = []

    def beside() -> None:
        try:
            meanwhile()
        except BaseException as error:  # noqa: BLE001 - raised below
            failures.append(error)
            failing()
        os.kill(os.getpid(), signal.SIGTERM)

    helper = threading.Thread(target=beside)

    def assigned() -> None:
        if helper.ident is None:  # else the group assigns again
            helper.start()

    worker.run(assigned)
    helper.join()
    if failures:
        raise failures[0]
