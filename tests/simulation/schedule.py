"""A run of the world: a seed decides what befalls it, and when; then all is healed, and judged."""

import asyncio
import random
from collections.abc import Callable

from tests.simulation.log import Event, Partition
from tests.simulation.process import Process
from tests.simulation.world import SESSION_S, World

ACTIONS = 16
GAP_S = 0.15
"""The longest time between two of them."""
HEALED_S = 60.0
"""How much virtual time there is to come to the end once everything answers."""
PROCESSES = 3


class Schedule:
    """Deliver, duplicate, crash, rebalance, stand still, be late, fail: in a seeded order."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.world = World(seed)
        self._dice = self.world.random
        self._processes: list[Process] = []
        self._started = 0
        self._event_id = 0
        self._outages: set[str] = set()
        self._sent: list[tuple[Partition, bytes | None]] = []
        self._actions: dict[Callable[[], None], int] = {
            self._append: 12,
            self._duplicate: 3,
            self._crash: 3,
            self._freeze: 3,
            self._rebalance: 2,
            self._join: 2,
            self._stop: 2,
            self._outage: 2,
            self._errors: 1,
            self._bug: 1,
            self._lose: 1,
            self._fetch_again: 2,
        }

    def run(self) -> None:
        """Raises AssertionError that tells the seed and every step."""
        state = random.getstate()
        random.seed(self.seed)  # tenacity draws its jitter from there
        loop = self.world.loop
        try:
            loop.run_until_complete(self._main())
        except Exception as error:
            raise AssertionError(f"{self.report()}\n{type(error).__name__}: {error}") from error
        finally:
            for process in self._processes:
                process.kill()
            loop.run_until_complete(_ended(asyncio.all_tasks(loop)))
            loop.close()
            random.setstate(state)

    def report(self) -> str:
        """The seed, and every step with its time."""
        lines = (f"{at:8.3f}  {step % args}" for at, step, args in self.world.steps)
        return "\n".join((f"seed {self.seed}", *lines))

    async def _main(self) -> None:
        living = asyncio.ensure_future(self._live())
        await asyncio.wait({living, self.world.failed}, return_when=asyncio.FIRST_COMPLETED)
        if self.world.failed.done():
            living.cancel()
            self.world.failed.result()
        living.result()

    async def _live(self) -> None:
        for _ in range(self._dice.randint(1, PROCESSES)):
            self._start()
        self._append()
        actions, weights = list(self._actions), list(self._actions.values())
        for action in self._dice.choices(actions, weights, k=ACTIONS):
            await asyncio.sleep(self._dice.random() * GAP_S)
            action()
            self._replace_crashed()
        self._heal()
        await self._until_read()
        self.world.check_store()
        for process in self._alive():
            self.world.check_conservation(process)
        if self.world.failed.done():
            self.world.failed.result()

    async def _until_read(self) -> None:
        """Progress: every partition is committed to its end, and nothing is in hand."""
        world = self.world
        deadline = world.loop.time() + HEALED_S
        while world.unread or any(process.in_flight() for process in self._alive()):
            self._replace_crashed()
            if not self._alive():
                self._start()
            assert world.loop.time() < deadline, f"stalled: {world.unread}"
            await asyncio.sleep(0.1)

    def _heal(self) -> None:
        self.world.tell("everything is healed")
        self.world.store.faults.heal()
        for process in self._alive():
            process.thawed.set()
            if process.lost_batches:  # what is missing at a partition's end, a watchdog finds
                self.world.crash(process, "it makes no progress")

    # Processes

    def _alive(self) -> list[Process]:
        self._processes = [process for process in self._processes if process.alive]
        return self._processes

    def _start(self) -> None:
        self._started += 1
        process = Process(self.world, f"worker-{self._started}")
        self.world.tell("%s starts", process.name)
        self._processes.append(process)
        process.start()

    def _replace_crashed(self) -> None:
        while self.world.crashed:
            self.world.crashed.pop()
            self.world.loop.call_later(self._dice.random() * SESSION_S, self._start)

    def _any(self) -> Process | None:
        alive = self._alive()
        return self._dice.choice(alive) if alive else None

    def _join(self) -> None:
        if len(self._alive()) < PROCESSES:
            self._start()

    def _crash(self) -> None:
        if process := self._any():
            self.world.crash(process, "killed")

    def _stop(self) -> None:
        if (process := self._any()) and process.thawed.is_set():
            self.world.tell("%s is told to stop", process.name)
            process.ask_to_stop()

    def _freeze(self) -> None:
        process = self._any()
        if process is None or not process.thawed.is_set():
            return
        self.world.tell("%s stands still", process.name)
        process.thawed.clear()
        world = self.world

        def silent() -> None:
            if not process.thawed.is_set() and process.alive:
                world.tell("%s is given up by the group", process.name)
                world.group.remove(process)

        def thaw() -> None:
            if not process.thawed.is_set() and process.alive:
                world.tell("%s goes on", process.name)
                process.thawed.set()

        world.loop.call_later(SESSION_S, silent)
        world.loop.call_later(self._dice.random() * 3 * SESSION_S, thaw)

    def _rebalance(self) -> None:
        self.world.tell("the group rebalances")
        self.world.group.shake()

    def _fetch_again(self) -> None:
        if process := self._any():
            count = self._dice.randint(1, 3)
            self.world.tell("%s makes the last %d fetches again", process.name, count)
            process.client.go_back(count)

    # Servers

    def _outage(self) -> None:
        name = self._dice.choice(("store_down", "broker_down"))
        faults = self.world.store.faults
        self.world.tell("outage: %s", name)
        setattr(faults, name, True)
        self.world.loop.call_later(
            self._dice.random() * 2 * SESSION_S, setattr, faults, name, False
        )

    def _errors(self) -> None:
        self.world.store.faults.rate = self._dice.choice((0.0, 0.1, 0.3))
        self.world.tell("errors: %s", self.world.store.faults.rate)

    def _bug(self) -> None:
        name = self._dice.choice(("bug", "refuse"))
        self.world.tell("next: %s", name)
        setattr(self.world.store.faults, name, True)

    def _lose(self) -> None:
        self.world.store.faults.lose = True

    # The log

    def _append(self) -> None:
        partition = self._dice.choice(list(self.world.log.partitions.values()))
        for _ in range(self._dice.randint(1, 6)):
            self._append_one(partition)
        self.world.tell("%s ends at %d", partition.at, partition.end)
        self.world.log.ring()

    def _append_one(self, partition: Partition) -> None:
        kind = self._dice.choices(("set", "claim", "poison", "hole"), (6, 3, 1, 2))[0]
        if kind == "hole":
            partition.skip(self._dice.randint(1, 3))
            return
        value: bytes | None = self._dice.choice((None, b"", b"\xff", b"set x y z"))
        if kind != "poison":
            self._event_id += 1
            key = f"{kind}-{partition.at[0]}-{partition.at[1]}-{self._dice.randint(1, 3)}"
            late = self._event_id - self._dice.choice((0, 0, 20))
            # Of two claims the smaller counts, and either may come first.
            first = 0 if kind == "set" else 10_000 * self._dice.randint(1, 9)
            event_id = first + self._event_id
            value = Event(kind, event_id, key, late).encode()
        partition.append(value)
        self._sent.append((partition, value))

    def _duplicate(self) -> None:
        if self._sent:
            partition, value = self._dice.choice(self._sent[-10:])
            partition.append(value)
            self.world.tell("%s has %r once more", partition.at, value)
            self.world.log.ring()


async def _ended(tasks: set[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
