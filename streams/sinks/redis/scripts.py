"""Lua scripts of this package, run by their digest and loaded again if a server has lost them."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import NoScriptError

T = TypeVar("T")


class Call(NamedTuple):
    """The keys and arguments of one run of a script."""

    keys: Sequence[bytes]
    args: Sequence[bytes | int]


_FIRST = ("common", "lists")


@cache
def source(name: str | None = None) -> str:
    """Return the text of a script, after the text that all scripts share.

    Without a name, return the shared text alone.
    """
    here = files(__package__) / "lua"
    parts = _FIRST if name is None else (*_FIRST, name)
    return "".join((here / f"{part}.lua").read_text() for part in parts)


class Script:
    """A server-side script: atomic, and of one shard's keys only."""

    def __init__(self, client: Redis, name: str) -> None:
        self._client = client
        self._script = client.register_script(source(name))

    def run(self, call: Call) -> Any:
        """Run the script once, in one round trip."""
        return self._script(call.keys, call.args)

    def run_all(self, calls: Sequence[Call]) -> list[Any]:
        """Run the script once per call, in one round trip; see `run_calls`."""
        if len(calls) == 1:
            return [self.run(calls[0])]
        return run_calls(self._client, [(self, call) for call in calls])

    def load(self) -> None:
        """Load the script into a server that has lost it."""
        self._client.script_load(self._script.script)

    def enqueue(self, pipe: Pipeline, call: Call) -> None:
        """Add a run of the script to the pipeline; the server must know the script by then."""
        pipe.evalsha(self._script.sha, len(call.keys), *call.keys, *call.args)


class ScriptCall(NamedTuple, Generic[T]):
    """Calls, and the function that decodes their answers."""

    calls: Sequence[tuple[Script, Call]]
    decode: Callable[[Sequence[Any]], T]

    def decode_next(self, answers: Iterator[Any]) -> T:
        """Decode the next answers, of which it takes as many as there are calls."""
        return self.decode([*islice(answers, len(self.calls))])


def run_calls(client: Redis, calls: Sequence[tuple[Script, Call]]) -> list[Any]:
    """Return the answers to all the calls, run in this order in one round trip.

    If the server does not know a script (it restarted), all calls run again, so the scripts must be
    repeatable. The client library's own way takes one more round trip each time, and does not load
    scripts again when it reconnects.
    """
    try:
        return _pipelined(client, calls)
    except NoScriptError:
        for script in {script for script, _ in calls}:
            script.load()
        return _pipelined(client, calls)


def _pipelined(client: Redis, calls: Sequence[tuple[Script, Call]]) -> list[Any]:
    with client.pipeline(transaction=False) as pipe:
        for script, call in calls:
            script.enqueue(pipe, call)
        return pipe.execute()
