"""One worker: a consumer group's topics through their pipelines, until told to stop."""

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog
import uvloop

from streams.runtime.gathering import Gathered, Gatherer
from streams.runtime.metrics import Metrics
from streams.runtime.pipeline import Pipeline
from streams.runtime.retry import StoppedError
from streams.runtime.transport import PositionApp

log = structlog.get_logger(__name__)

R = TypeVar("R")
MakeRecord = Callable[..., R]
"""(topic, partition, offset, append_time in ms, key, value, headers) -> a record."""

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """How a worker reads. `stop_within_s`: from the signal to the end, the batch included;
    `session_timeout_s`: how long the group waits for a member that is silent."""

    group: str
    bootstrap: str
    data_dir: Path
    batch_records: int = 2000
    batch_wait_ms: int = 50
    commit_every_s: float = 1.0
    session_timeout_s: float = 30.0
    stop_within_s: float = 30.0


def make_app(config: WorkerConfig) -> PositionApp:
    """The Faust app of a group: no web server, no leader topic, no tables, raw bytes."""
    return PositionApp(
        config.group,
        broker=f"kafka://{config.bootstrap}",
        datadir=str(config.data_dir),
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        key_serializer="raw",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=config.commit_every_s,
        broker_commit_every=None,
        broker_heartbeat_interval=config.session_timeout_s / 10,
        broker_session_timeout=config.session_timeout_s,
        broker_request_timeout=60.0,
        broker_rebalance_timeout=60.0,
        # A store may be down for hours; a full buffer is no reason to leave the group.
        broker_max_poll_interval=_DAY_S,
        consumer_max_fetch_size=1_048_576,
        stream_buffer_maxsize=max(8 * config.batch_records, 4096),
        stream_wait_empty=False,
        worker_redirect_stdouts=False,
    )


class Worker:
    """Runs pipelines, one Faust agent per topic, each batch in a thread.

    The event loop stays free while a batch is being applied, so that heartbeats and commits go on.
    """

    def __init__(
        self,
        config: WorkerConfig,
        pipelines: Mapping[str, Pipeline[Any, Any, Any]],
        make_record: MakeRecord[Any],
        *,
        metrics: Metrics,
        stopping: threading.Event,
    ) -> None:
        self._config = config
        self._pipelines = pipelines
        self._make_record = make_record
        self._metrics = metrics
        self._stopping = stopping

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Work until SIGTERM or SIGINT; raises whatever else ended it, nothing acknowledged.

        `ready` is called once the group has assigned its partitions.
        """
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._main(ready))

    async def _main(self, ready: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self._failed: asyncio.Future[None] = loop.create_future()
        self._signalled = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        self._pool = ThreadPoolExecutor(len(self._pipelines), thread_name_prefix="batch")
        self._app = make_app(self._config)
        self._idle = {topic: asyncio.Event() for topic in self._pipelines}
        for topic in self._app.group_topics(self._pipelines):
            self._app.agent(topic, name=topic.get_topic_name())(self._consume)
        self._app.on_rebalance_complete.connect(_calling(ready), weak=False)
        try:
            await self._app.start()
            await self._until_the_end()
        finally:
            self._stopping.set()
            await self._leave()

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
            raise RuntimeError("the Kafka consumer ended") from self._app.crash_reason

    async def _consume(self, stream: Any) -> None:
        """The Faust agent of one topic. A failure ends the process, not just the agent."""
        (topic,) = stream.channel.topics
        gatherer = Gatherer(
            self._app,
            stream.channel.queue,
            most=self._config.batch_records,
            wait_s=self._config.batch_wait_ms / 1000,
        )
        try:
            while (gathered := await self._next(gatherer)) is not None:
                await self._work(topic, gathered)
        except StoppedError:
            log.info("stopped while waiting; the batch will be read again", topic=topic)
        except Exception as error:  # noqa: BLE001 - handed to `run`, which raises it
            if not self._failed.done():
                self._failed.set_exception(error)
        finally:
            self._idle[topic].set()
        await asyncio.Event().wait()  # an agent that returns would be started again

    async def _next(self, gatherer: Gatherer) -> Gathered | None:
        """The next batch, or None when the worker is to stop."""
        gathering = asyncio.ensure_future(gatherer.gather())
        signalled = asyncio.ensure_future(self._signalled.wait())
        await asyncio.wait({gathering, signalled}, return_when=asyncio.FIRST_COMPLETED)
        signalled.cancel()
        if self._stopping.is_set():
            gathering.cancel()
            return None
        return gathering.result()

    async def _work(self, topic: str, gathered: Gathered) -> None:
        began = time.perf_counter()
        self._metrics.consumed(topic, len(gathered.messages))
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._pool, self._apply, topic, gathered.messages)
        for partition, offset in gathered.last.items():
            self._app.position_consumer.positions.applied(partition, gathered.generation, offset)
        self._metrics.batch_took(topic, time.perf_counter() - began)

    def _apply(self, topic: str, messages: Sequence[Any]) -> None:
        make = self._make_record
        self._pipelines[topic].run(
            [
                make(
                    message.topic,
                    message.partition,
                    message.offset,
                    round(message.timestamp * 1000),
                    message.key,
                    message.value,
                    tuple(message.headers or ()),
                )
                for message in messages
            ]
        )

    async def _leave(self) -> None:
        """Let batches in hand end, commit what is applied, and leave the group, in time.

        Beyond the time the process ends at once: a thread cannot be made to end, nor can Faust's
        tasks that wait for it. What the batch had not acknowledged is read again.
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


def _calling(ready: Callable[[], None]) -> Callable[..., Any]:
    async def handler(sender: Any, **_: Any) -> None:  # noqa: ARG001
        ready()

    return handler
