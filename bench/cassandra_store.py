"""Cost of the durable views: rows written and creates looked up, per second and per CPU second.

    python bench/cassandra_store.py            # the server of the settings, keyspace storyline_v900

Client CPU is this process's own; wall rates depend on what else the machine does. The keyspace is
made by `migrate` and dropped at the end.
"""

import random
import time
from collections.abc import Callable

from streams.app.settings import Settings
from streams.contracts.ids import make_id
from streams.projections.effects import CreatePost, Effects, SeeContent, SetLike, Stamp
from streams.projections.ports import Content
from streams.sinks.cassandra.migrating import migrate
from streams.sinks.cassandra.rows import index_rows, state_rows
from streams.sinks.cassandra.session import Row, Session, connect, parts
from streams.sinks.cassandra.store import CassandraStore

KEYSPACE = "storyline_v900"
BATCH = 2000
ROUNDS = 10
NOW = 1_735_689_600_000


def posts(draw: random.Random, authors: int) -> Effects:
    return Effects(
        create_posts=[
            CreatePost(
                post_id=make_id(NOW + draw.randrange(10**9)) | draw.getrandbits(22),
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
            for _ in range(BATCH)
        ]
    )


def likes(draw: random.Random, contents: int) -> Effects:
    return Effects(
        likes=[
            SetLike(draw.randrange(1, contents), draw.getrandbits(40), Stamp(NOW, 1))
            for _ in range(BATCH)
        ]
    )


def views(draw: random.Random, contents: int) -> Effects:
    return Effects(
        views=[
            SeeContent(draw.randrange(1, contents), draw.getrandbits(40), NOW) for _ in range(BATCH)
        ]
    )


def measure(name: str, unit: str, count: int, work: Callable[[], object]) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(
        f"{name:34} {count / wall:>9,.0f} {unit}/s {count / cpu:>9,.0f} per client CPU second"
        f" {1000 * wall / ROUNDS:8.1f} ms a call"
    )


def measure_apply(store: CassandraStore, name: str, batches: list[Effects]) -> None:
    rows = sum(len([*state_rows(one), *index_rows(one, NOW)]) for one in batches)
    measure(name, "rows", rows, lambda: [store.apply(one) for one in batches])


def measure_creators(session: Session, store: CassandraStore, known: list[int]) -> None:
    """Beside the same question asked in sets of other sizes, and id by id."""
    draw = random.Random(2)
    for label, ids in (("new", [draw.getrandbits(62) for _ in range(BATCH)]), ("known", known)):
        measure(
            f"creators(), {BATCH} {label} ids",
            "ids",
            BATCH * ROUNDS,
            lambda ids=ids: [store.creators(Content.POST, ids) for _ in range(ROUNDS)],
        )
        for size in (1, 20, 500):
            measure(
                f"  asked {size} at a time",
                "ids",
                BATCH * ROUNDS,
                lambda ids=ids, size=size: [ask(session, ids, size) for _ in range(ROUNDS)],
            )


def ask(session: Session, ids: list[int], size: int) -> list[Row]:
    cql = "SELECT post_id, WRITETIME(created) FROM posts WHERE post_id IN ?"
    return [
        row
        for rows in session.rows_of_all((cql, (part,)) for part in parts(ids, size))
        for row in rows
    ]


def main() -> None:
    settings = Settings()
    with connect(settings.cassandra_host, settings.ports.cassandra) as session:
        migrate(session, KEYSPACE)
        try:
            draw, store = random.Random(1), CassandraStore(session)
            for make in (lambda: posts(draw, 2000), lambda: views(draw, 2000)):
                for _ in range(5):  # a cold server is several times slower
                    store.apply(make())
            many = [posts(draw, 2000) for _ in range(ROUNDS)]
            measure_apply(store, "posts of 2,000 authors", many)
            measure_apply(store, "likes of 2,000 posts", [likes(draw, 2000) for _ in range(ROUNDS)])
            measure_apply(store, "likes of 20 posts", [likes(draw, 20) for _ in range(ROUNDS)])
            measure_apply(store, "views of 2,000 posts", [views(draw, 2000) for _ in range(ROUNDS)])
            measure_apply(store, "views of 20 posts", [views(draw, 20) for _ in range(ROUNDS)])
            known = [post.post_id for one in many for post in one.create_posts][:BATCH]
            measure_creators(session, store, known)
            authors = list(range(1, 301))
            measure(
                "author_posts(300 authors, 20)",
                "authors",
                300 * ROUNDS,
                lambda: [store.author_posts(authors, None, 20) for _ in range(ROUNDS)],
            )
            measure(
                "posts(2,000 ids)",
                "ids",
                BATCH * ROUNDS,
                lambda: [store.posts(known) for _ in range(ROUNDS)],
            )
        finally:
            session.run(f"DROP KEYSPACE {KEYSPACE}")


if __name__ == "__main__":
    main()
