"""What every PullSet must do, whatever it is made of."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

import pytest

from streams.views.pull_set import PullSet

ANN, BOB, EVE = 1, 2, (1 << 63) - 1


class PullServer(ABC):
    """A server that holds a pull set, and what can befall it."""

    pulls: PullSet

    @abstractmethod
    def flush(self) -> None:
        """Lose everything."""

    @abstractmethod
    def give_up_load(self) -> None:
        """From now on a load that is under way counts as dead."""

    @abstractmethod
    def new_history(self) -> None:
        """Go on with the data there was, as after a restart or a fail-over."""


def newest(pulls: PullSet, authors: Iterable[int] = (ANN, BOB, EVE)) -> dict[int, int] | None:
    found = pulls.pulled(tuple(authors))
    return None if found is None else {author: held.newest for author, held in found.items()}


def load(pulls: PullSet, loaded: Mapping[int, int]) -> bool:
    token = pulls.begin()
    return token is not None and pulls.install(token, loaded)


def begin(pulls: PullSet) -> bytes:
    token = pulls.begin()
    assert token is not None
    return token


def version(pulls: PullSet, author: int = ANN) -> bytes:
    found = pulls.pulled([author])
    assert found is not None
    return found[author].version


class PullSuite:
    """Subclass it with a fixture `server`."""

    @pytest.fixture
    def server(self) -> PullServer:
        raise NotImplementedError

    @pytest.fixture
    def pulls(self, server: PullServer) -> PullSet:
        return server.pulls

    @pytest.fixture
    def whole(self, pulls: PullSet) -> PullSet:
        assert load(pulls, {})
        return pulls

    def test_a_set_that_nobody_loaded_is_not_whole(self, pulls: PullSet) -> None:
        assert newest(pulls) is None
        pulls.pull({ANN: [10]})
        assert newest(pulls) is None
        assert newest(pulls, ()) is None

    def test_a_set_being_loaded_is_not_whole(self, pulls: PullSet) -> None:
        pulls.begin()
        pulls.pull({ANN: [10]})
        assert newest(pulls) is None

    def test_what_is_loaded_and_what_was_pulled_meanwhile_are_there(self, pulls: PullSet) -> None:
        token = begin(pulls)
        pulls.pull({ANN: [10], BOB: [30]})
        assert pulls.install(token, {ANN: 20, BOB: 20, EVE: EVE})
        assert newest(pulls) == {ANN: 20, BOB: 30, EVE: EVE}
        assert newest(pulls, (ANN, 77)) == {ANN: 20}
        assert newest(pulls, ()) == {}

    def test_the_newest_by_id_stands(self, whole: PullSet) -> None:
        whole.pull({ANN: [10, 40, 20]})
        whole.pull({ANN: [30], BOB: []})
        assert newest(whole) == {ANN: 40}

    @pytest.mark.parametrize("late", [5, 10, 20])
    def test_every_pulled_post_makes_a_new_version(self, whole: PullSet, late: int) -> None:
        whole.pull({ANN: [10], BOB: [10]})
        before, other = version(whole), version(whole, BOB)
        whole.pull({ANN: [late]})
        assert version(whole) != before
        assert version(whole, BOB) == other

    def test_many_authors(self, whole: PullSet) -> None:
        authors = range(1, 3002)
        whole.pull({author: [author + 1] for author in authors})
        assert newest(whole, authors) == {author: author + 1 for author in authors}

    def test_many_authors_are_loaded(self, pulls: PullSet) -> None:
        loaded = {author: author + 1 for author in range(1, 3002)}
        assert load(pulls, loaded)
        assert newest(pulls, loaded) == loaded

    def test_installing_twice_changes_nothing(self, pulls: PullSet) -> None:
        token = begin(pulls)
        assert pulls.install(token, {ANN: 10})
        before = version(pulls)
        assert pulls.install(token, {ANN: 10})
        assert version(pulls) == before

    def test_nobody_disturbs_a_load_or_begins_one_without_need(self, pulls: PullSet) -> None:
        first = begin(pulls)
        assert pulls.begin() is None
        assert pulls.install(first, {ANN: 10})
        assert pulls.begin() is None
        assert newest(pulls) == {ANN: 10}

    def test_another_load_takes_over_from_one_that_died(
        self, server: PullServer, pulls: PullSet
    ) -> None:
        first = begin(pulls)
        server.give_up_load()
        second = begin(pulls)
        assert not pulls.install(first, {ANN: 10})
        assert newest(pulls) is None
        assert pulls.install(second, {ANN: 20})
        assert newest(pulls) == {ANN: 20}

    def test_after_a_flush_it_is_not_whole(self, server: PullServer, whole: PullSet) -> None:
        whole.pull({ANN: [10]})
        server.flush()
        whole.pull({BOB: [20]})
        assert newest(whole) is None
        assert load(whole, {ANN: 10, BOB: 20})
        assert newest(whole) == {ANN: 10, BOB: 20}

    def test_a_load_whose_mark_went_installs_nothing(
        self, server: PullServer, pulls: PullSet
    ) -> None:
        token = begin(pulls)
        server.flush()
        assert not pulls.install(token, {ANN: 10})
        assert newest(pulls) is None

    def test_another_life_of_the_server_is_believed_nothing(
        self, server: PullServer, whole: PullSet
    ) -> None:
        whole.pull({ANN: [10]})
        old = version(whole)
        server.new_history()
        token = begin(whole)
        server.new_history()
        assert not whole.install(token, {})
        assert newest(whole) is None
        assert load(whole, {ANN: 10})
        assert version(whole) != old

    def test_what_was_whole_in_another_life_is_not(
        self, server: PullServer, whole: PullSet
    ) -> None:
        whole.pull({ANN: [10]})
        server.new_history()
        whole.pull({ANN: [20]})
        assert newest(whole) is None
