"""The durable views: rows written and creates looked up, per second of the client's CPU.

`store` applies batches of effects, as a worker does; `loop` writes the same rows with the driver's
own execute_concurrent, row by row. Both write into a keyspace of their own, by turns. Client CPU is
this process's own; the server's is not counted.
"""

import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

from bench.report import Report, by_turns
from streams.app.settings import Settings
from streams.contracts.ids import make_id
from streams.sinks.cassandra.migrate import migrate
from streams.sinks.cassandra.rows import index_rows, state_rows
from streams.sinks.cassandra.session import Session, connect, parts
from streams.sinks.cassandra.store import CassandraStore
from streams.views.effects import CreatePost, Effects, SeeContent, SetLike, Stamp
from streams.views.rows import Content

SERVERS: Final = ("cassandra",)
_NOW: Final = 1_735_689_600_000
_QUERY: Final = "SELECT post_id, WRITETIME(created) FROM posts WHERE post_id IN ?"


class _Size(NamedTuple):
    """Effects in a batch, batches of a run, runs."""

    batch: int
    batches: int
    runs: int


_SIZES: Final = {"tiny": _Size(40, 1, 1), "small": _Size(2000, 3, 3), "full": _Size(2000, 10, 5)}


def posts(draw: random.Random, batch: int, authors: int) -> Effects:
    return Effects(
        create_posts=[
            CreatePost(
                post_id=make_id(_NOW + draw.randrange(10**9)) | draw.getrandbits(22),
                author_id=draw.randrange(1, authors),
                event_id=draw.getrandbits(62),
                text="x" * 140,
                hashtags=("Tag",),
                tags=(f"tag{draw.randrange(1000)}",),
                media=(),
                reply_to=None,
                reply_to_author=None,
                repost_of=None,
                repost_of_author=None,
            )
            for _ in range(batch)
        ]
    )


def likes(draw: random.Random, batch: int, contents: int) -> Effects:
    return Effects(
        likes=[
            SetLike(draw.randrange(1, contents), draw.getrandbits(40), Stamp(_NOW, 1))
            for _ in range(batch)
        ]
    )


def views(draw: random.Random, batch: int, contents: int) -> Effects:
    return Effects(
        views=[
            SeeContent(draw.randrange(1, contents), draw.getrandbits(40), _NOW)
            for _ in range(batch)
        ]
    )


def run(report: Report, size: str, settings: Settings) -> None:
    with connect(settings.cassandra_host, settings.ports.cassandra) as session:
        migrate(session, settings.keyspace)
        _measure(report, session, _SIZES[size])


def _measure(report: Report, session: Session, size: _Size) -> None:
    draw, store = random.Random(1), CassandraStore(session)
    wanted: dict[str, Callable[[], Effects]] = {
        "posts of 2,000 authors": partial(posts, draw, size.batch, 2000),
        "likes of 2,000 posts": partial(likes, draw, size.batch, 2000),
        "likes of 20 posts": partial(likes, draw, size.batch, 20),
        "views of 2,000 posts": partial(views, draw, size.batch, 2000),
        "views of 20 posts": partial(views, draw, size.batch, 20),
    }
    for make in wanted.values():  # a cold server is several times slower
        store.apply(make())
    made = {name: [make() for _ in range(size.batches)] for name, make in wanted.items()}
    for name, effects in made.items():
        _writes(report, session, store, name, effects, size.runs)
    known = [post.post_id for one in made["posts of 2,000 authors"] for post in one.create_posts]
    new = [draw.getrandbits(62) for _ in range(size.batch)]
    for name, ids in (("new", new), ("known", known[: size.batch])):
        _lookups(report, session, store, name, ids, size)


def _writes(
    report: Report,
    session: Session,
    store: CassandraStore,
    name: str,
    effects: Sequence[Effects],
    runs: int,
) -> None:
    rows = [row for one in effects for row in (*state_rows(one), *index_rows(one, _NOW))]

    def apply() -> None:
        for one in effects:
            store.apply(one)

    def loop() -> None:
        session.run_all(session.prepared(row.insert.cql).bind(row.values) for row in rows)

    ways = {"store": partial(_rate, apply, len(rows)), "loop": partial(_rate, loop, len(rows))}
    for way, rates in by_turns(ways, runs).items():
        report.figure(f"{name}: {way}", "rows/CPU s", *rates)
    report.ratio(f"{name}: store", f"{name}: loop", at_least=0.9)


def _lookups(
    report: Report,
    session: Session,
    store: CassandraStore,
    name: str,
    ids: list[int],
    size: _Size,
) -> None:
    """`creators()` beside the same question asked in sets of other sizes, and id by id."""

    def ask(count: int) -> None:
        for _ in session.rows_of_all((_QUERY, (part,)) for part in parts(ids, count)):
            pass

    def creators() -> None:
        store.creators(Content.POST, ids)

    ways = {f"asked {count} at a time": partial(ask, count) for count in (1, 20, 500)}
    for way, act in ({"creators()": creators} | ways).items():
        rates = [_rate(act, len(ids)) for _ in range(size.runs)]
        report.figure(f"{len(ids):,} {name} ids: {way}", "ids/CPU s", *rates)


def _rate(work: Callable[[], None], count: int) -> float:
    began = time.process_time()
    work()
    return count / (time.process_time() - began)
