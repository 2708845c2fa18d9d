"""One worker process: a member of the group, and the real pipeline of each topic."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from streams.runtime.consumer.positions import PositionGapError
from streams.runtime.dead_letters.reporter import DeadLetterReporter
from streams.runtime.monitoring.metrics import Metrics
from streams.runtime.processing.batcher import Batcher
from streams.runtime.processing.pipeline import Pipeline
from streams.runtime.processing.retry import RetryPolicy, StoppedError
from streams.runtime.processing.topic_runner import TopicRunner
from streams.runtime.producer import MessageRefusedError, ProducerUnavailableError
from tests.simulation.member import Member
from tests.simulation.store import BugError, StoreUnavailableError, Work
from tests.simulation.virtual import Stopping, Turns
from tests.simulation.world import GROUP, World

PASSING = (StoreUnavailableError, ProducerUnavailableError)


class Process(Member):
    """A worker from its start to its end."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.alive = True
        self.metrics = Metrics(GROUP)
        self.threads = Turns(world.loop, world.latency, self.thawed)
        self.stopping = Stopping(self.threads)
        self._gave_up = False
        self._pipelines = {topic: self._pipeline(topic) for topic in world.topics}
        self._runners: list[TopicRunner] = []
        self._stopped = asyncio.Event()
        self._consumers: list[asyncio.Task[None]] = []

    def _pipeline(self, topic: str) -> Pipeline[Any, Any]:
        work = Work(self.world.store, self.threads.pause)
        return Pipeline(
            topic,
            work.steps,
            dead_letters=DeadLetterReporter(work.send, self.metrics),
            metrics=self.metrics,
            retry_policy=RetryPolicy(PASSING, self.stopping, first_s=0.01, longest_s=0.5),
        )

    def start(self) -> None:
        self._consumers = [self._watched(self._consume(topic)) for topic in self.world.topics]
        for service in self.services():
            self._watched(service)

    def _watched(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task whose failure ends the process."""
        task = self._task(coroutine)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        if not self.alive:
            return
        if isinstance(error, BugError | MessageRefusedError):
            self.world.crash(self, f"{type(error).__name__}")
        elif isinstance(error, PositionGapError) and self.lost_batches:
            self.world.crash(self, "a gap in what was read")
        else:
            self.world.fail(error)

    def in_flight(self) -> bool:
        """Whether a batch is in a pipeline."""
        return any(runner.in_flight() for runner in self._runners)

    def kill(self) -> None:
        """As kill -9: whatever it was about to do, it does not."""
        self.alive = False
        self.threads.kill()
        for task in tuple(self._tasks):
            task.cancel()

    def ask_to_stop(self) -> None:
        """As SIGTERM: finish or give up what is in hand, commit, leave."""
        self.stopping.set()
        self._stopped.set()
        self._watched(self._leave())

    async def _leave(self) -> None:
        await asyncio.gather(*self._consumers)
        await self.commit()
        await self.lag()
        if not self._gave_up:
            self.world.check_conservation(self)
        self.world.tell("%s has stopped", self.name)
        self.world.group.remove(self)
        self.kill()

    async def _consume(self, topic: str) -> None:
        batcher = Batcher(self.rules, self.queues[topic], max_records=self.world.batch_records)
        runner = TopicRunner(
            topic,
            self._pipelines[topic],
            batcher,
            self.rules.positions,
            metrics=self.metrics,
            threads=self.threads,
            fail=self._failed,
            divides=True,
            start=self._task,
        )
        self._runners.append(runner)
        try:
            try:
                await self._run_batches(batcher, runner)
            finally:
                await runner.end()
        except StoppedError:
            self._gave_up = True

    async def _run_batches(self, batcher: Batcher, runner: TopicRunner) -> None:
        while not self.stopping.is_set():
            next_batch = self._task(batcher.next_batch(pause_s=self.world.batch_wait()))
            stopped = self._task(self._stopped.wait())
            await asyncio.wait({next_batch, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if self.stopping.is_set():
                next_batch.cancel()
                return
            await runner.run(next_batch.result())
            self.world.check_buffered(self.name, batcher.buffered())
