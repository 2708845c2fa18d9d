"""Timelines under every order of loads, deliveries, replays and losses, against a plain model.

The model is the durable store: what each author has written. A timeline that a read returns must
hold every post above its floor by the authors it was built for, save those whose delivery is
still on its way.
"""

from dataclasses import dataclass, field
from hashlib import blake2b

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from streams.views.timeline_cache import Delivery, Timeline
from streams.views.timeline_limits import TimelineLimits, newest, shard_of
from tests.contract.timeline_suite import TimelineServer, current_timeline

AUTHORS = (1, 2, 3)
READERS = (1, 11, 12, 13, 14, 15)
SHARDS = 2
LIMITS = TimelineLimits(length=4, slack=2, pushes=2, list_page=1)

authors = st.sampled_from(AUTHORS)
readers = st.sampled_from(READERS)
limits = st.integers(1, 4)


def digest(followed: frozenset[int]) -> bytes:
    return blake2b(repr(sorted(followed)).encode(), digest_size=16).digest()


@dataclass
class Load:
    """A reader's load on its way."""

    reader: int
    authors: frozenset[int]
    token: bytes
    ids: list[int] = field(default_factory=list)
    floor: int = 0
    has_read: bool = False
    held: Timeline | None = None
    """What is to be made to fit, where nothing is to be built."""
    added: frozenset[int] = frozenset()


class TimelineMachine(RuleBasedStateMachine):
    """Drives one cache through the steps that processes take, one atomic step at a time.

    Subclass it with `make_server`.
    """

    def make_server(self) -> TimelineServer:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.server = self.make_server()
        self.cache = self.server.cache(shards=SHARDS, limits=LIMITS)
        self.durable: dict[int, set[int]] = {author: set() for author in AUTHORS}
        self.pending: list[tuple[int, int]] = []
        self.tasks: list[Delivery] = []
        self.loads: list[Load] = []
        self.follows = {reader: frozenset({reader}) for reader in READERS}

    @initialize(
        followed=st.lists(st.frozensets(authors, min_size=1), min_size=6, max_size=6),
        instants=st.lists(st.integers(1, 40), max_size=4),
    )
    def everyone_is_warm(self, followed: list[frozenset[int]], instants: list[int]) -> None:
        for author in AUTHORS:
            self.durable[author] |= {instant * 10 + author for instant in instants}
        for reader, chosen in zip(READERS, followed, strict=True):
            self.follows[reader] |= chosen
            self.build(reader)

    # The posts worker and the delivery worker.

    @rule(author=authors, instants=st.lists(st.integers(1, 40), min_size=1, max_size=3))
    def write(self, author: int, instants: list[int]) -> None:
        for instant in instants:
            post = instant * 10 + author
            self.durable[author].add(post)
            self.pending.append((author, post))

    @rule(data=st.data(), limit=limits)
    def deliver(self, data: st.DataObject, limit: int) -> None:
        if not self.pending:
            return
        batch = data.draw(st.lists(st.sampled_from(self.pending), min_size=1))
        self.pending = [post for post in self.pending if post not in batch]
        self.tasks += self.cache.deliver(_by_author(batch), limit)

    @rule(data=st.data(), limit=limits)
    def deliver_pages(self, data: st.DataObject, limit: int) -> None:
        if not self.tasks:
            return
        chosen = data.draw(st.sets(st.sampled_from(self.tasks), min_size=1))
        rests = self.cache.deliver_pages(sorted(chosen), limit)
        for rest in rests:
            assert any(
                rest._replace(cursor=0) == task._replace(cursor=0) and rest.cursor > task.cursor
                for task in chosen
            )
        self.tasks = [*(task for task in self.tasks if task not in chosen), *rests]

    @rule(data=st.data(), limit=limits)
    def replay(self, data: st.DataObject, limit: int) -> None:
        """A worker that crashed before its acknowledgement delivers again, leftovers and all."""
        written = sorted((a, post) for a, posts in self.durable.items() for post in posts)
        if written:
            batch = data.draw(st.lists(st.sampled_from(written)))
            self.cache.deliver(_by_author(batch), limit)

    # The read side.

    @rule(reader=readers, author=authors)
    def follow_or_not(self, reader: int, author: int) -> None:
        if author != reader:
            self.follows[reader] ^= {author}

    @rule(reader=readers)
    def begin(self, reader: int) -> None:
        self._begin_load(reader)

    @rule(reader=readers)
    def refit(self, reader: int) -> None:
        """Begin to make a timeline fit whom the reader follows now."""
        held = self.cache.read(reader)
        before = frozenset(self.cache.authors(reader))
        if held is None or held.digest != digest(before):
            return
        followed = self.follows[reader]
        if self.cache.register_reader(reader, held.token, followed - before):
            self.loads.append(
                Load(reader, followed, held.token, held=held, added=followed - before)
            )

    @rule(data=st.data())
    def go_on_loading(self, data: st.DataObject) -> None:
        """Read the posts, or install if that is done."""
        if not self.loads:
            return
        load = data.draw(st.sampled_from(self.loads))
        if load.has_read:
            self._complete_load(load)
        else:
            self._read_posts(load)

    @rule(reader=readers)
    def build(self, reader: int) -> None:
        load = self._begin_load(reader)
        self._read_posts(load)
        assert self._complete_load(load)

    def _begin_load(self, reader: int) -> Load:
        token = self.cache.begin_load(reader, self.follows[reader])
        assert token is not None
        load = Load(reader, self.follows[reader], token)
        self.loads.append(load)
        return load

    def _read_posts(self, load: Load) -> None:
        asked = load.authors if load.held is None else load.added
        written = (post for author in asked for post in self.durable.get(author, ()))
        above = 0 if load.held is None else load.held.floor
        load.ids, load.floor = newest(written, above, LIMITS.length)
        load.has_read = True

    def _complete_load(self, load: Load) -> bool:
        self.loads = [other for other in self.loads if other is not load]
        sources = digest(load.authors)
        if load.held is not None:
            done = self.cache.extend(
                load.reader, load.held, load.ids, load.floor, sorted(load.authors), sources
            )
            event(f"made to fit: {done}")
            return done
        return self.cache.complete_load(load.reader, load.token, load.ids, load.floor, sources)

    # What befalls the server.

    @rule(reader=readers, loss=st.sampled_from(["flush", "history", *["evict"] * 4]))
    def lose(self, reader: int, loss: str) -> None:
        if loss == "flush":
            self.server.flush()
        elif loss == "history":
            self.server.new_history()
        else:
            self.server.evict(reader)

    @invariant()
    def what_is_warm_is_right(self) -> None:
        for reader, followed in self.follows.items():
            timeline = current_timeline(self.cache, reader, digest(followed))
            if timeline is None:
                continue
            ids = list(timeline.ids)
            event(f"warm with {min(len(ids), 3)} posts or more, floor {timeline.floor > 0}")
            assert ids == sorted(set(ids), reverse=True)
            assert len(ids) <= LIMITS.longest
            assert all(post > timeline.floor for post in ids)
            assert set(ids) <= set().union(*self.durable.values())
            missing = self._due(reader, followed, timeline.floor) - set(ids)
            assert not missing, f"reader {reader} lacks {missing} above {timeline.floor}"

    def _due(self, reader: int, followed: frozenset[int], floor: int) -> set[int]:
        shard = shard_of(reader, SHARDS)
        underway = {post for _, post in self.pending}
        underway |= {task.post_id for task in self.tasks if task.shard == shard}
        written = set().union(*(self.durable.get(author, set()) for author in followed))
        return {post for post in written - underway if post > floor}


def _by_author(posts: list[tuple[int, int]]) -> dict[int, list[int]]:
    return {author: [post for a, post in posts if a == author] for author, _ in posts}
