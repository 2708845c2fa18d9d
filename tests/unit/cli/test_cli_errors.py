"""Every command meets missing servers and wrong input with one line and an exit code, no trace."""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import typer.main
from confluent_kafka import KafkaError, KafkaException

from streams.app import broker, read_side
from streams.app.settings import settings
from streams.app.stack import environment
from streams.cli import main as cli
from streams.errors import StoreRefusedError, StoreUnavailableError
from streams.serving.read_side import ReadSide
from streams.sinks.memory.store import MemoryStore
from streams.sinks.memory.timeline_cache import MemoryTimelineCache
from tests.support.local_stack import own_settings
from tests.support.memory_side import memory_side
from tests.support.messages import produces

VERBS = {
    "topics": ("apply", "diff"),
    "schemas": ("register", "check"),
    "load": ("higgs", "edges", "jetstream", "activitypub"),
    "accounts": ("apply", "check"),
    "lake": ("dictionary", "run", "rebuild", "migrate", "status"),
    "cdc": ("apply", "status", "check", "restart", "watch", "drop"),
    "cache": ("stats",),
    "dlq": ("list", "show", "replay", "discard", "add"),
}
PAGES = [(command,) for command in cli.COMMANDS] + [
    (command, verb) for command, verbs in VERBS.items() for verb in verbs
]
READING = ("feed", "author", "thread", "tray", "stories", "highlights", "counts", "graph")
NO_SERVER = (
    ("topics", "diff"),
    ("topics", "apply"),
    ("schemas", "register"),
    ("publish", "one.jsonl"),
    ("tail", "social.posts.v1"),
    ("generate", "--events", "5", "--start", "now-7d", "--publish"),
    ("load", "edges", "one.jsonl", "--publish"),
    ("accounts", "apply", "one.jsonl"),
    ("migrate",),
    ("migrate", "--only", "accounts"),
    ("cdc", "apply"),
    ("cdc", "status"),
    ("cdc", "restart"),
    ("cdc", "drop", "--yes"),
    ("run",),
    ("run", "posts"),
    ("expire",),
    ("lag",),
    ("dlq", "list"),
    ("dlq", "list", "--json"),
    ("dlq", "show", "social.posts.v1.dlq:0:0"),
    ("dlq", "replay", "--yes"),
    ("dlq", "discard", "--why", "a test", "--yes"),
    *((command, "1") for command in READING),
    ("hashtag", "coffee"),
    ("viewers", "1", "--as", "2"),
    ("verify",),
    ("verify", "--readers", "1,2", "--json"),
    ("explain", "1", "2"),
    ("explain", "1", "2", "--json"),
)
WRONG = (
    (1, "up", "--only", "nowhere"),
    (1, "logs", "nowhere"),
    (1, "logs", "../../etc/passwd"),
    (1, "logs", "kafka"),
    (1, "tail", "nowhere"),
    (2, "tail", "social.posts.v1", "--from", "nowhere"),
    (2, "tail", "social.posts.v1", "--from", "9" * 19),
    (1, "tail", "\udcff"),
    (1, "logs", "\udcff"),
    (2, "run", "\udcff"),
    (2, "dlq", "list", "--topic", "\udcff"),
    (2, "dlq", "show", "\udcff.dlq:0:0"),
    (2, "dlq", "discard", "--why", "\udcff", "--yes"),
    (2, "ask", "\udcff"),
    (2, "ask", "--sql", "SELECT '\udcff'"),
    (2, "feed", "1", "--wait-for", "\udcff:0:0"),
    (2, "run", "nobody"),
    (2, "lag", "--group", "nobody"),
    (2, "dlq", "list", "--topic", "nowhere"),
    (2, "dlq", "list", "--code", "nothing"),
    (2, "dlq", "list", "--group", "nobody"),
    (2, "dlq", "list", "--group", "lake"),
    (2, "dlq", "list", "--state", "gone"),
    (2, "dlq", "show", "social.posts.v1:0:0"),
    (2, "dlq", "show", "nowhere.dlq:0:0"),
    (2, "dlq", "replay", "social.posts.v1.dlq", "--yes"),
    (2, "dlq", "discard", "3:17", "--why", "a test"),
    (1, "publish", "missing.jsonl"),
    (1, "publish", "."),
    (1, "publish", "\udcff"),
    (2, "generate", "--users", "0"),
    (2, "generate", "--bad", "1"),
    (1, "generate", "--events", "5", "--out", "missing/week.jsonl"),
    (1, "generate", "--events", "5", "--out", "."),
    (1, "generate", "--events", "5", "--out", "/dev/full"),
    (1, "load", "higgs", "missing"),
    (1, "load", "jetstream", "missing"),
    (1, "load", "activitypub", "missing"),
    (2, "generate", "--publish", "--accounts", "a.jsonl"),
    (2, "generate", "--no-accounts", "--accounts", "a.jsonl"),
    (2, "generate", "--accounts", "-"),
    (1, "generate", "--events", "5", "--accounts", "missing/a.jsonl"),
    (1, "accounts", "apply", "missing.jsonl"),
    (1, "accounts", "apply", "."),
    (2, "ask"),
    (2, "ask", "nothing"),
    (1, "ask", "dau"),
    (1, "ask", "--sql", "SELECT 1"),
    (2, "ask", "dau", "--sql", "SELECT 1"),
    (2, "ask", "dau", "--limit", "1"),
    (2, "ask", "dau", "--json", "--csv"),
    (2, "ask", "dau", "--plot", "dau.svg"),
    (2, "ask", "--sql", "SELECT 1", "--limit", "1"),
    (1, "lake", "run", "--once"),
    (1, "lake", "status"),
    (1, "lake", "migrate"),
    (1, "lake", "rebuild", "nowhere"),
    (1, "lake", "rebuild", "bronze_tiers"),
    (1, "lake", "rebuild", "dim_date"),
    (2, "lake", "rebuild"),
    (2, "lake", "rebuild", "dim_date", "--all"),
    (2, "feed", "1", "--wait-for", "social.posts.v1"),
    (2, "counts", "1", "--wait-for", "nowhere:0:0"),
    (1, "demo", "--higgs", "missing"),
    (2, "demo", "--users", "10000001"),
)
USAGE = (
    ("nothing",),
    ("topics", "nothing"),
    ("load", "nothing"),
    ("publish",),
    ("dlq", "show"),
    ("dlq", "discard"),
    ("dlq", "replay", "--limit", "0"),
    ("dlq", "list", "--since", "yesterday"),
    ("accounts", "apply"),
    ("feed",),
    ("viewers", "1"),
    ("verify", "--sample", "0"),
    ("verify", "--readers", ""),
    ("verify", "--readers", "1,x"),
    ("verify", "--timeout", "-1"),
    ("verify", "--seed", "x"),
    ("explain", "1"),
    ("explain", "x", "1"),
    ("explain", "1", "0"),
    *((command, "x") for command in READING),
    ("feed", "0"),
    ("author", "9223372036854775808"),
    ("graph", "1", "--limit", "0"),
    ("tray", "1", "--now", "yesterday"),
    ("hashtag", "#"),
    ("hashtag", "\udcff"),
    ("hashtag", "a" * 1801),
    ("hashtag", "coffee", "--before", "1" * 20),
    ("tray", "1", "--now", "2024-05-01T24:00:00Z"),
    ("tray", "1", "--now", "253402300800000"),
    ("feed", "1" * 5000),
    ("feed", "٣"),
    ("generate", "--start", "yesterday"),
)


class Ended(NamedTuple):
    """How a command ended."""

    code: int | str | None
    out: str
    err: str


Storyline = Callable[..., Ended]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory to work in, and the settings of servers that never ran."""
    own = own_settings(tmp_path / "home").model_copy(update={"cache": tmp_path / "cache"})
    for name, value in environment(own).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("STORYLINE_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.jsonl").write_text('{"type":"PostCreated","author_id":"1","text":"hello"}\n')
    settings.cache_clear()
    yield own.home
    settings.cache_clear()


@pytest.fixture
def storyline(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Storyline:
    """Runs the entry point in this process; what native libraries print is heard too."""
    # A broker that is not there does not come up while it is waited for.
    monkeypatch.setattr("streams.kafka.topics._CONNECT_S", 0.2)
    monkeypatch.setattr("streams.producer._CONNECT_S", 0.2)
    monkeypatch.setattr("streams.kafka.log_reader._TIMEOUT_S", 0.2)
    monkeypatch.setattr("streams.kafka.consumer_groups._CONNECT_S", 0.2)

    def run(*arguments: str) -> Ended:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["storyline", *arguments])
        code: int | str | None = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        finally:
            os.environ.pop("STORYLINE_DEBUG", None)  # what --debug left
        return Ended(code, *capfd.readouterr())

    return run


def told(ended: Ended) -> str:
    """The one line of an error, which at most one hint follows."""
    message, *hint = ended.err.splitlines()
    assert message.startswith("storyline: "), ended.err
    assert len(hint) <= 1, ended.err
    assert all(line.startswith("  ") for line in hint), ended.err
    assert "Traceback" not in ended.err + ended.out
    assert "Errno" not in message or "refused" in message or "known" in message
    return message


@pytest.mark.parametrize("page", PAGES, ids=" ".join)
def test_every_command_explains_itself(storyline: Storyline, page: tuple[str, ...]) -> None:
    ended = storyline(*page, "--help")
    assert ended.code == 0
    assert not ended.err
    assert "Example" in ended.out
    assert f"storyline {' '.join(page)}" in ended.out.partition("Example")[2]
    assert "completion" not in ended.out


def test_the_verbs_are_all_known_here() -> None:
    group = typer.main.get_command(cli.app)
    found = {
        name: tuple(command.commands)
        for name in cli.COMMANDS
        if hasattr(command := group.get_command(None, name), "commands")  # type: ignore[attr-defined]
    }
    assert found == VERBS


@pytest.mark.parametrize("command", NO_SERVER, ids=" ".join)
def test_a_missing_server_is_one_line_and_how_to_start_it(
    storyline: Storyline, command: tuple[str, ...]
) -> None:
    ended = storyline(*command)
    assert "does not answer" in told(ended)
    assert "storyline up" in ended.err.splitlines()[-1]
    assert ended.code == 1
    assert not ended.out


@produces(
    "Kafka does not answer",
    "Cassandra does not answer",
    "PostgreSQL does not answer",
    "the Kafka broker at … does not answer",
    "Kafka Connect: …; PostgreSQL: …",
)
def test_each_missing_server_is_named(storyline: Storyline) -> None:
    for command, message in (
        (("lag",), "Kafka does not answer at "),
        (("topics", "diff"), "the Kafka broker at "),
        (("feed", "1"), "Cassandra does not answer at "),
        (("migrate", "--only", "accounts"), "PostgreSQL does not answer: "),
        (("cdc", "status"), "Kafka Connect: "),
    ):
        assert told(storyline(*command)).startswith(f"storyline: {message}")


@produces("there is no lake at …")
def test_missing_lake_says_what_makes_it(storyline: Storyline) -> None:
    for command in (("ask", "dau"), ("lake", "status"), ("lake", "migrate")):
        ended = storyline(*command)
        assert told(ended).startswith("storyline: there is no lake at ")
        assert ended.code == 1


@pytest.fixture
def views(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """The views that commands read, which keep nothing but in memory."""
    store = MemoryStore()

    @contextmanager
    def opened(_: object) -> Iterator[ReadSide]:
        yield memory_side(store, MemoryTimelineCache(shards=2))

    monkeypatch.setattr(read_side, "open_read_side", opened)
    return store


@produces("… is not found, or not yours to see")
@pytest.mark.usefixtures("views")
def test_content_that_does_not_exist_is_reported(storyline: Storyline) -> None:
    ended = storyline("thread", "5")
    assert told(ended).endswith(" is not found, or not yours to see")
    assert ended.code == 3


@produces("the answer is incomplete: … did not answer")
def test_page_without_its_store_is_reported_as_incomplete(
    storyline: Storyline, views: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: int) -> None:
        raise StoreUnavailableError("Cassandra is away")

    monkeypatch.setattr(views, "relations", away)
    ended = storyline("feed", "1")
    assert told(ended) == "storyline: the answer is incomplete: cassandra did not answer"
    assert ended.code == 4


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_wrong_input_is_one_line(storyline: Storyline, wrong: tuple[int, *tuple[str, ...]]) -> None:
    code, *command = wrong
    ended = storyline(*command)
    told(ended)
    assert ended.code == code


@pytest.mark.parametrize("command", USAGE, ids=ascii)
def test_wrong_usage_says_where_the_help_is(storyline: Storyline, command: tuple[str, ...]) -> None:
    ended = storyline(*command)
    usage, attempt, _, error = ended.err.splitlines()
    assert usage.startswith("Usage: storyline")
    assert attempt.startswith("Try 'storyline")
    assert error.startswith("Error: ")
    assert ended.code == 2


def test_what_fails_leaves_nothing_half_written(storyline: Storyline, home: Path) -> None:
    before = sorted(home.parent.iterdir())
    storyline("generate", "--events", "5", "--out", "missing/week.jsonl")
    storyline("generate", "--events", "5", "--out", ".")
    storyline("load", "higgs", "missing", "--out", "higgs.jsonl")
    assert sorted(home.parent.iterdir()) == before


@pytest.mark.parametrize("place", ["before", "after"])
def test_debug_shows_the_trace(storyline: Storyline, place: str) -> None:
    arguments = ("lag", "--group", "nobody")
    with pytest.raises(Exception, match="there is no group nobody"):
        storyline(*(("--debug", *arguments) if place == "before" else (*arguments, "--debug")))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STORYLINE_PORTS__KAFKA", "abc"),
        ("STORYLINE_PORTS__REDIS", "99999"),
        ("STORYLINE_VIEWS_VERSION", "bad"),
        ("STORYLINE_SHARDS", "0"),
        ("STORYLINE_ACCOUNTS__DATABASE", "x; DROP"),
        ("STORYLINE_CDC_POLL_S", "0"),
    ],
)
def test_a_wrong_setting_is_named(
    storyline: Storyline, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    ended = storyline("status")
    assert f"{name} is '{value}'" in told(ended)
    assert ended.code == 2


def test_a_setting_that_cannot_be_read(
    storyline: Storyline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORYLINE_PORTS", "garbage")
    ended = storyline("status")
    assert "ports" in told(ended)
    assert ended.code == 2


def test_an_empty_home_is_the_usual_one(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("STORYLINE_HOME", "")
    settings.cache_clear()
    assert settings().home == Path(".storyline")


def test_a_host_that_does_not_exist(storyline: Storyline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYLINE_HOSTS__CASSANDRA", "nowhere.invalid")
    assert "does not answer at nowhere.invalid" in told(storyline("feed", "1"))


@pytest.mark.parametrize("home_at", ["/dev/null", "/proc/nowhere"])
def test_a_home_that_cannot_be_written(
    storyline: Storyline, monkeypatch: pytest.MonkeyPatch, home_at: str
) -> None:
    monkeypatch.setenv("STORYLINE_HOME", home_at)
    assert "cannot write" in told(storyline("up"))
    examined = storyline("doctor")
    assert "cannot write" in examined.out
    assert examined.code == 1
    assert not examined.err


@pytest.mark.parametrize(
    ("error", "line"),
    [
        pytest.param(KeyError("key"), "unexpected KeyError: 'key'", marks=produces("unexpected …")),
        (ValueError("two\nlines"), "unexpected ValueError: two lines"),
        (KafkaException(KafkaError(KafkaError._TRANSPORT)), "Kafka: "),
        pytest.param(
            StoreUnavailableError("Redis is away"),
            "a store does not answer: Redis is away",
            marks=produces("a store does not answer: …"),
        ),
        pytest.param(
            StoreRefusedError("Redis: WRONGTYPE"),
            "a store refuses the request: Redis: WRONGTYPE",
            marks=produces("a store refuses the request: …"),
        ),
        (OSError(28, "No space left on device", "week.jsonl"), "week.jsonl: No space left"),
    ],
    ids=str,
)
def test_what_nobody_foresaw_is_one_line_too(
    storyline: Storyline, monkeypatch: pytest.MonkeyPatch, error: Exception, line: str
) -> None:
    ended = storyline_raising(storyline, monkeypatch, error)
    assert told(ended).startswith(f"storyline: {line}")
    assert ended.code == 1


def test_ctrl_c_is_one_line(storyline: Storyline, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = storyline_raising(storyline, monkeypatch, KeyboardInterrupt())
    assert ended == (130, "", "storyline: interrupted\n")


def test_sigterm_ends_a_command_in_order(
    storyline: Storyline, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = []

    def killed(_: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            let_go.append(True)

    monkeypatch.setattr(broker, "topic_admin", killed)
    assert storyline("topics", "diff") == (143, "", "storyline: ended by SIGTERM\n")
    assert let_go
    left = signal.getsignal(signal.SIGTERM)
    assert getattr(left, "__module__", None) != cli.__name__


def storyline_raising(
    storyline: Storyline, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> Ended:
    """How a command ends in which `error` is raised."""

    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(broker, "topic_admin", fail)
    return storyline("topics", "diff")


def test_help_lists_every_command_once_under_a_heading(storyline: Storyline) -> None:
    ended = storyline("--help")
    listed = re.findall(r"^  ([a-z]+) {2,}", ended.out, re.MULTILINE)
    assert sorted(listed) == sorted(cli.COMMANDS)
    assert all(f"{heading}:" in ended.out for heading in cli.HEADINGS)
