"""Pull set in a dict, with the steps and the losses of the real server, for fast tests."""

from collections.abc import Collection, Mapping

from streams.views.pull_set import Pulled


class MemoryPullSet:
    """A PullSet whose data `flush` and `restart` lose as a server would."""

    def __init__(self) -> None:
        self._pulled: dict[int, Pulled] = {}
        self._mark: tuple[bytes | None, int] | None = None  # token (None: complete), history
        self._history = 0
        self.load_died = False
        """True once the process that loads the set has been silent for too long."""
        self._numbers = 0

    def pull(self, posts: Mapping[int, Collection[int]]) -> None:
        self._add({author: max(ids) for author, ids in posts.items() if ids})

    def pulled(self, authors: Collection[int]) -> Mapping[int, Pulled] | None:
        if self._mark != (None, self._history):
            return None
        return {a: self._pulled[a] for a in authors if a in self._pulled}

    def begin_load(self) -> bytes | None:
        if self._mark is not None and self._mark[1] == self._history:
            if self._mark[0] is None or not self.load_died:
                return None
            self.load_died = False
        token = self._number()
        self._pulled.clear()
        self._mark = token, self._history
        return token

    def complete_load(self, token: bytes, newest: Mapping[int, int]) -> bool:
        if self._mark == (None, self._history):
            return True
        if self._mark != (token, self._history):
            return False
        self._add(newest)
        self._mark = None, self._history
        return True

    def flush(self) -> None:
        """Lose everything at once (FLUSHALL)."""
        self._pulled.clear()
        self._mark = None

    def restart(self) -> None:
        """Start another history with the data of an earlier moment (here: of the current one)."""
        self._history += 1

    def _add(self, newest: Mapping[int, int]) -> None:
        version = self._number()
        for author, post in newest.items():
            held = self._pulled.get(author)
            self._pulled[author] = Pulled(max(post, held.newest) if held else post, version)

    def _number(self) -> bytes:
        self._numbers += 1
        return self._numbers.to_bytes(8, "big")
