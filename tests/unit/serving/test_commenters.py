"""Who comments on a content: each once, however many comments there are and wherever pages end."""

import pytest

from streams.serving import commenters, engagement
from streams.sinks.memory.store import MemoryStore
from streams.views.effects import DeleteComment, Effects
from streams.views.store import Views
from tests.contract.store_events import Scope

OWNER, ANN, BOB, EVE = 1, 2, 3, 4
POST = 99


@pytest.fixture(params=[1, 2, 3, 200])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """Ann has five comments, of Bob's three one stands, of Eve's two none; so many are read at a
    time."""
    monkeypatch.setattr(engagement, "_CHUNK", request.param)
    scope, made = Scope(1), MemoryStore()
    made.apply(Effects(create_posts=[scope.post(POST, OWNER, 1)]))
    by = {ANN: range(10, 15), BOB: range(20, 23), EVE: range(30, 32)}
    creates = [
        scope.comment(comment, POST, user, comment, owner=OWNER)
        for user, ids in by.items()
        for comment in ids
    ]
    made.apply(Effects(create_comments=creates))
    gone = [(BOB, 20), (BOB, 22), (EVE, 30), (EVE, 31)]
    made.apply(Effects(delete_comments=[DeleteComment(one, POST, user) for user, one in gone]))
    return made


def test_each_is_listed_once(store: MemoryStore) -> None:
    assert commenters(Views.of(store), POST).users == (ANN, BOB)


def test_pages_end_and_begin_between_users(store: MemoryStore) -> None:
    first = commenters(Views.of(store), POST, limit=1)
    assert (first.users, first.next_after) == ((ANN,), ANN)
    second = commenters(Views.of(store), POST, after=ANN, limit=1)
    assert (second.users, second.next_after) == ((BOB,), None)
