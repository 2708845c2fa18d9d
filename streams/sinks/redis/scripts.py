"""The scripts beside this module, run by their digest and loaded anew when a server lost them."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import NoScriptError


class Call(NamedTuple):
    """The keys and arguments of one run of a script."""

    keys: Sequence[bytes]
    args: Sequence[bytes | int]


_FIRST = ("common", "lists")


@cache
def source(name: str | None = None) -> str:
    """The text of a script, with what all have in common in front; that alone without a name."""
    here = files(__package__)
    parts = _FIRST if name is None else (*_FIRST, name)
    return "".join((here / f"{part}.lua").read_text() for part in parts)


class Script:
    """A server-side script: atomic, and of one shard's keys only."""

    def __init__(self, client: Redis, name: str) -> None:
        self._client = client
        self._script = client.register_script(source(name))

    def run(self, call: Call) -> Any:
        """Run it once, in one round trip."""
        return self._script(call.keys, call.args)

    def run_all(self, calls: Sequence[Call]) -> list[Any]:
        """Run it many times in one round trip.

        Where the server does not know the script (it restarted) all of them run again, so the
        script must be one that may be repeated. The pipeline's own way costs a round trip more
        each time, and it does not load scripts again when it reconnects.
        """
        try:
            return self._pipelined(calls)
        except NoScriptError:
            self._client.script_load(self._script.script)
            return self._pipelined(calls)

    def _pipelined(self, calls: Sequence[Call]) -> list[Any]:
        with self._client.pipeline(transaction=False) as pipe:
            for keys, args in calls:
                pipe.evalsha(self._script.sha, len(keys), *keys, *args)
            return pipe.execute()
