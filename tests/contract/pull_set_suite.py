"""Suite of every PullSet, whatever server it has."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

import pytest

from streams.views.pull_set import PullSet

ANN, BOB, EVE = 1, 2, (1 << 63) - 1


class PullSetServer(ABC):
    """A server that holds a pull set, and the ways in which it loses data."""

    pulls: PullSet

    @abstractmethod
    def flush(self) -> None:
        """Lose everything."""

    @abstractmethod
    def give_up_load(self) -> None:
        """Let a load that is running count as dead from now on."""

    @abstractmethod
    def new_history(self) -> None:
        """Continue with the same data, as after a restart or a fail-over."""


def newest(pulls: PullSet, authors: Iterable[int] = (ANN, BOB, EVE)) -> dict[int, int] | None:
    found = pulls.pulled(tuple(authors))
    return None if found is None else {author: held.newest for author, held in found.items()}


def load(pulls: PullSet, loaded: Mapping[int, int]) -> bool:
    token = pulls.begin_load()
    return token is not None and pulls.complete_load(token, loaded)


def begin(pulls: PullSet) -> bytes:
    token = pulls.begin_load()
    assert token is not None
    return token


def version(pulls: PullSet, author: int = ANN) -> bytes:
    found = pulls.pulled([author])
    assert found is not None
    return found[author].version


class PullSetSuite:
    """Subclass it with a fixture `server`."""

    @pytest.fixture
    def server(self) -> PullSetServer:
        raise NotImplementedError

    @pytest.fixture
    def pulls(self, server: PullSetServer) -> PullSet:
        return server.pulls

    @pytest.fixture
    def complete(self, pulls: PullSet) -> PullSet:
        assert load(pulls, {})
        return pulls

    def test_set_without_a_load_is_incomplete(self, pulls: PullSet) -> None:
        assert newest(pulls) is None
        pulls.pull({ANN: [10]})
        assert newest(pulls) is None
        assert newest(pulls, ()) is None

    def test_loading_set_is_incomplete(self, pulls: PullSet) -> None:
        pulls.begin_load()
        pulls.pull({ANN: [10]})
        assert newest(pulls) is None

    def test_complete_set_has_loaded_posts_and_those_pulled_during_the_load(
        self, pulls: PullSet
    ) -> None:
        token = begin(pulls)
        pulls.pull({ANN: [10], BOB: [30]})
        assert pulls.complete_load(token, {ANN: 20, BOB: 20, EVE: EVE})
        assert newest(pulls) == {ANN: 20, BOB: 30, EVE: EVE}
        assert newest(pulls, (ANN, 77)) == {ANN: 20}
        assert newest(pulls, ()) == {}

    def test_pulled_author_has_the_newest_post_by_id(self, complete: PullSet) -> None:
        complete.pull({ANN: [10, 40, 20]})
        complete.pull({ANN: [30], BOB: []})
        assert newest(complete) == {ANN: 40}

    @pytest.mark.parametrize("late", [5, 10, 20])
    def test_every_pulled_post_changes_the_version(self, complete: PullSet, late: int) -> None:
        complete.pull({ANN: [10], BOB: [10]})
        before, other = version(complete), version(complete, BOB)
        complete.pull({ANN: [late]})
        assert version(complete) != before
        assert version(complete, BOB) == other

    def test_many_authors(self, complete: PullSet) -> None:
        authors = range(1, 3002)
        complete.pull({author: [author + 1] for author in authors})
        assert newest(complete, authors) == {author: author + 1 for author in authors}

    def test_many_authors_are_loaded(self, pulls: PullSet) -> None:
        loaded = {author: author + 1 for author in range(1, 3002)}
        assert load(pulls, loaded)
        assert newest(pulls, loaded) == loaded

    def test_completing_a_load_twice_changes_nothing(self, pulls: PullSet) -> None:
        token = begin(pulls)
        assert pulls.complete_load(token, {ANN: 10})
        before = version(pulls)
        assert pulls.complete_load(token, {ANN: 10})
        assert version(pulls) == before

    def test_second_load_does_not_begin_while_one_runs_or_the_set_is_complete(
        self, pulls: PullSet
    ) -> None:
        first = begin(pulls)
        assert pulls.begin_load() is None
        assert pulls.complete_load(first, {ANN: 10})
        assert pulls.begin_load() is None
        assert newest(pulls) == {ANN: 10}

    def test_load_takes_over_from_one_that_died(
        self, server: PullSetServer, pulls: PullSet
    ) -> None:
        first = begin(pulls)
        server.give_up_load()
        second = begin(pulls)
        assert not pulls.complete_load(first, {ANN: 10})
        assert newest(pulls) is None
        assert pulls.complete_load(second, {ANN: 20})
        assert newest(pulls) == {ANN: 20}

    def test_flushed_set_is_incomplete(self, server: PullSetServer, complete: PullSet) -> None:
        complete.pull({ANN: [10]})
        server.flush()
        complete.pull({BOB: [20]})
        assert newest(complete) is None
        assert load(complete, {ANN: 10, BOB: 20})
        assert newest(complete) == {ANN: 10, BOB: 20}

    def test_load_whose_mark_is_lost_completes_nothing(
        self, server: PullSetServer, pulls: PullSet
    ) -> None:
        token = begin(pulls)
        server.flush()
        assert not pulls.complete_load(token, {ANN: 10})
        assert newest(pulls) is None

    def test_load_from_before_a_restart_completes_nothing(
        self, server: PullSetServer, complete: PullSet
    ) -> None:
        complete.pull({ANN: [10]})
        old = version(complete)
        server.new_history()
        token = begin(complete)
        server.new_history()
        assert not complete.complete_load(token, {})
        assert newest(complete) is None
        assert load(complete, {ANN: 10})
        assert version(complete) != old

    def test_set_completed_before_a_restart_is_incomplete(
        self, server: PullSetServer, complete: PullSet
    ) -> None:
        complete.pull({ANN: [10]})
        server.new_history()
        complete.pull({ANN: [20]})
        assert newest(complete) is None
