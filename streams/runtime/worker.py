"""Worker that runs a consumer group's topics through their pipelines until it is stopped."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
import uvloop

from streams.runtime.config import WorkerConfig, make_app
from streams.runtime.consumer.fetch_thread import MembershipLostError
from streams.runtime.consumer.transport import WantedFrom
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.monitoring.stalls import Stall
from streams.runtime.monitoring.worker_status import WorkerStatus
from streams.runtime.processing.batcher import Batcher, MicroBatch
from streams.runtime.processing.pipeline import Pipeline
from streams.runtime.processing.retry import StoppedError
from streams.runtime.processing.topic_runner import TopicRunner

log = structlog.get_logger(__name__)

_THREADS = 256
"""Upper limit of threads: one for each topic with a batch in flight, and one for each partition
that waits for a server."""

_GRACE = 1.5
"""Factor of `stop_within_s`: how long a worker that makes no progress may take to leave its group.
"""


class NoProgressError(RuntimeError):
    """Stall of partitions that nothing in this process will end; a new process may."""

    def __init__(self, stalls: Iterable[Stall]) -> None:
        super().__init__("; ".join(map(str, stalls)))


class Worker:
    """Runner of pipelines: one Faust agent per topic, each batch in a thread.

    The event loop stays free while a batch is applied, so that heartbeats and commits continue.
    `wanted_from` returns the offset at which a store that keeps offsets itself ends. Reading begins
    there if the group's commit is beyond it.
    """

    def __init__(
        self,
        config: WorkerConfig,
        pipelines: Mapping[str, Pipeline[Any, Any]],
        *,
        metrics: Metrics,
        stopping: threading.Event,
        wanted_from: WantedFrom | None = None,
    ) -> None:
        self._config = config
        self._pipelines = pipelines
        self._metrics = metrics
        self._stopping = stopping
        self._wanted_from = wanted_from
        self._late: threading.Timer | None = None
        """Timer that ends the process if it does not end by itself."""
        blockages = {topic: each.blockages.current for topic, each in pipelines.items()}
        self.status = WorkerStatus(config, blockages, self._give_up)
        metrics.add_gauges(self.status)

    def run(self, assigned: Callable[[], None] = lambda: None) -> None:
        """Run until SIGTERM or SIGINT.

        Args:
            assigned: Called whenever the group has assigned partitions, so again after each
                rebalance.

        Raises:
            MembershipLostError: If the group no longer knows this process under its name.
            NoProgressError: If partitions make no progress and cannot recover in this process.
            Exception: If anything else ends the worker. A batch that fails is not acknowledged.
        """
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._main(assigned))

    async def _main(self, assigned: Callable[[], None]) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._failed: asyncio.Future[None] = loop.create_future()
        self._signalled = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="batch")
        self._app = make_app(self._config)
        if self._wanted_from is not None:
            self._app.wanted_from = self._wanted_from
        self._idle = {topic: asyncio.Event() for topic in self._pipelines}
        for topic in self._app.group_topics(self._pipelines):
            self._app.agent(topic, name=topic.get_topic_name())(self._consume)
        self._app.on_rebalance_complete.connect(_calling(assigned), weak=False)
        try:
            await self._app.start()
            self.status.start(self._app)
            await self._until_the_end()
        finally:
            self._stopping.set()
            self._signalled.set()  # also if no signal came: every topic's agent is to end
            self.status.stop()
            await self._leave()
            if self._late is not None:
                self._late.cancel()

    def _stop(self) -> None:
        log.info("stopping", group=self._config.group)
        self._stopping.set()
        self._signalled.set()

    async def _until_the_end(self) -> None:
        ended = asyncio.ensure_future(self._app.wait_until_stopped())
        signalled = asyncio.ensure_future(self._signalled.wait())
        waits: set[asyncio.Future[Any]] = {ended, signalled, self._failed}
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        signalled.cancel()
        if self._failed in done:
            self._failed.result()
        if ended in done and not self._signalled.is_set():
            if isinstance(self._app.crash_reason, MembershipLostError):
                raise self._app.crash_reason
            raise RuntimeError("the Kafka consumer ended") from self._app.crash_reason

    def _fail(self, error: Exception) -> None:
        """Make `run` end with this error."""
        if not self._failed.done():
            self._failed.set_exception(error)

    def _give_up(self, stalls: Sequence[Stall]) -> None:
        """End the process because of these stalls. Called from another thread.

        `run` raises the error. If the process has not ended `_GRACE * stop_within_s` seconds later,
        for example because the event loop hangs, a timer ends it without cleanup.
        """
        error = NoProgressError(stalls)
        log.error("the worker ends: it makes no progress", stalls=[str(stall) for stall in stalls])
        self._loop.call_soon_threadsafe(self._fail, error)
        self._late = threading.Timer(_GRACE * self._config.stop_within_s, os._exit, (1,))
        self._late.daemon = True
        self._late.start()

    async def _consume(self, stream: Any) -> None:
        """Run the Faust agent of one topic. A failure ends the process, not just the agent."""
        (topic,) = stream.channel.topics
        config = self._config
        longest_s = config.batch_wait_ms / 1000
        rules = self._app.batch_consumer.rules
        batcher = Batcher(rules, stream.channel.queue, max_records=config.batch_records)
        runner = TopicRunner(
            topic,
            self._pipelines[topic],
            batcher,
            rules.positions,
            metrics=self._metrics,
            threads=self._pool,
            fail=self._fail,
            divides=not config.patient,
        )
        self.status.add_runner(topic, runner)
        wait_s, pause_s = (longest_s if config.patient else 0.0), 0.0
        try:
            try:
                while (batch := await self._next(batcher, wait_s, pause_s)) is not None:
                    took_s = await runner.run(batch)
                    if not config.patient:
                        pause_s = min(took_s, longest_s)
            finally:
                await runner.end()
        except StoppedError:
            log.info("stopped while waiting; the batch will be read again", topic=topic)
        except Exception as error:  # noqa: BLE001 - handed to `run`, which raises it
            # Log at once: leaving the group may take longer than `stop_within_s`.
            log.error("the worker ends", topic=topic, error=f"{type(error).__name__}: {error}")
            self._fail(error)
        finally:
            self._idle[topic].set()
        await asyncio.Event().wait()  # an agent that returns would be started again

    async def _next(self, batcher: Batcher, wait_s: float, pause_s: float) -> MicroBatch | None:
        """Return the next batch; `None` when the worker is to stop."""
        batch = asyncio.ensure_future(batcher.next_batch(wait_s, pause_s))
        signalled = asyncio.ensure_future(self._signalled.wait())
        await asyncio.wait({batch, signalled}, return_when=asyncio.FIRST_COMPLETED)
        signalled.cancel()
        if self._stopping.is_set():
            batch.cancel()
            return None
        return batch.result()

    async def _leave(self) -> None:
        """Wait for batches in flight, commit what is applied, and leave the group, in time.

        After `stop_within_s` seconds the process ends at once, because nothing can end a thread, or
        the Faust tasks that wait for it. What the batch had not acknowledged is read again.
        """
        try:
            async with asyncio.timeout(self._config.stop_within_s):
                await asyncio.gather(*(idle.wait() for idle in self._idle.values()))
                await self._app.stop()
        except TimeoutError:
            log.error("did not stop in time, ending at once", group=self._config.group)
            logging.shutdown()
            os._exit(1)
        self._pool.shutdown()


def _calling(assigned: Callable[[], None]) -> Callable[..., Any]:
    async def handler(sender: Any, **_: Any) -> None:  # noqa: ARG001
        assigned()

    return handler
