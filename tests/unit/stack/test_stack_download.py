"""Downloads: checked, resumed, and nothing half-written under its own name."""

import http.server
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest

from streams.errors import UserError
from streams.stack.artifacts import download
from streams.stack.artifacts.jars import Jar
from streams.stack.report import Silent
from tests.support.messages import produces


@dataclass
class Repository:
    """A web server whose misbehaviour a test can choose."""

    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    cut_after: int | None = None
    """Close the connection after so many bytes, once."""
    ranges: bool = True
    address: str = ""


@pytest.fixture
def repository() -> Iterator[Repository]:
    state = Repository()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.requests.append((self.path, wanted))
            data = state.files.get(self.path)
            if data is None:
                self.send_error(404)
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            if not state.ranges:
                start = 0
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            body = data[start:]
            if state.cut_after is not None:
                body, state.cut_after = body[: state.cut_after], None
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


class Published(NamedTuple):
    jar: Jar
    data: bytes


def publish(repository: Repository, name: str = "x", size: int = 500_000) -> Published:
    data = sha256(name.encode()).digest() * (size // 32)
    jar = Jar("g", name, "1", "", "jar", sha256(data).hexdigest(), len(data))
    repository.files[f"/{jar.location}"] = data
    return Published(jar, data)


class Counting(Silent):
    """Adds up what was reported."""

    def __init__(self) -> None:
        self.expected = self.got = 0
        self.finished = False

    def download_started(self, files: int, size: int) -> None:  # noqa: ARG002
        self.expected = size

    def downloaded(self, size: int) -> None:
        self.got += size

    def download_finished(self) -> None:
        self.finished = True


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "wait_exponential", lambda **_: lambda _state: 0)


def test_two_at_once_fetch_each_file_once(repository: Repository, tmp_path: Path) -> None:
    jars = [publish(repository, name).jar for name in "abcd"]
    with ThreadPoolExecutor(2) as pool:
        asked = [
            pool.submit(download.fetch, jars, tmp_path, Silent(), repository.address)
            for _ in range(2)
        ]
    assert sorted(task.result() for task in asked) == [0, len(jars)]
    assert len(repository.requests) == len(jars)


def test_what_is_missing_is_fetched_and_checked(repository: Repository, tmp_path: Path) -> None:
    published = [publish(repository, name) for name in "abcdefgh"]
    told = Counting()
    jars = [jar for jar, _ in published]
    assert download.fetch(jars, tmp_path, told, repository.address) == len(jars)
    assert all(jar.path(tmp_path).read_bytes() == data for jar, data in published)
    assert told.got == told.expected == sum(jar.size for jar in jars)
    assert told.finished
    assert not list(tmp_path.rglob("*.part"))


def test_what_is_there_is_not_asked_for(repository: Repository, tmp_path: Path) -> None:
    jar, _ = publish(repository)
    download.fetch([jar], tmp_path, Silent(), repository.address)
    assert download.fetch([jar], tmp_path, Silent(), repository.address) == 0
    assert len(repository.requests) == 1


@pytest.mark.parametrize("damage", [b"", b"other bytes"])
def test_a_corrupted_file_is_noticed_and_fetched_anew(
    repository: Repository, tmp_path: Path, damage: bytes
) -> None:
    jar, data = publish(repository)
    download.fetch([jar], tmp_path, Silent(), repository.address)
    jar.path(tmp_path).write_bytes(damage + data[len(damage) :] if damage else b"")
    assert download.fetch([jar], tmp_path, Silent(), repository.address) == 1
    assert jar.path(tmp_path).read_bytes() == data


def test_an_earlier_part_is_gone_on_with(repository: Repository, tmp_path: Path) -> None:
    jar, data = publish(repository)
    part = jar.path(tmp_path).with_name(jar.filename + ".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(data[:1234])
    told = Counting()
    download.fetch([jar], tmp_path, told, repository.address)
    assert repository.requests == [(f"/{jar.location}", "bytes=1234-")]
    assert jar.path(tmp_path).read_bytes() == data
    assert told.got == jar.size


def test_a_connection_cut_in_the_middle_is_taken_up_again(
    repository: Repository, tmp_path: Path
) -> None:
    jar, data = publish(repository)
    repository.cut_after = 300_000
    told = Counting()
    download.fetch([jar], tmp_path, told, repository.address)
    assert jar.path(tmp_path).read_bytes() == data
    (_, first), (_, second) = repository.requests
    assert first is None
    assert second is not None
    assert 0 < int(second.removeprefix("bytes=").rstrip("-")) <= 300_000
    assert told.got == jar.size


def test_a_server_without_ranges_sends_all_again(repository: Repository, tmp_path: Path) -> None:
    jar, data = publish(repository)
    repository.ranges = False
    part = jar.path(tmp_path).with_name(jar.filename + ".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"z" * 999)
    download.fetch([jar], tmp_path, Silent(), repository.address)
    assert jar.path(tmp_path).read_bytes() == data
    assert len(repository.requests) == 1


@pytest.mark.parametrize("wrong", [b"wrong", b"much too long" * 100_000])
def test_a_wrong_part_is_thrown_away(repository: Repository, tmp_path: Path, wrong: bytes) -> None:
    jar, data = publish(repository)
    part = jar.path(tmp_path).with_name(jar.filename + ".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(wrong)
    download.fetch([jar], tmp_path, Silent(), repository.address)
    assert jar.path(tmp_path).read_bytes() == data


def test_wrong_bytes_are_never_taken(repository: Repository, tmp_path: Path) -> None:
    jar, data = publish(repository)
    repository.files[f"/{jar.location}"] = b"!" + data[1:]
    with pytest.raises(UserError, match=r"x-1\.jar: its bytes differ") as error:
        download.fetch([jar], tmp_path, Silent(), repository.address)
    assert error.value.hint is not None
    assert not jar.path(tmp_path).exists()


def test_a_refusal_is_told_at_once(repository: Repository, tmp_path: Path) -> None:
    jar, _ = publish(repository)
    repository.files.clear()
    with pytest.raises(UserError, match="the repository answered 404"):
        download.fetch([jar], tmp_path, Silent(), repository.address)
    assert len(repository.requests) == 1


@produces("cannot download …")
def test_no_connection_is_one_clear_line(tmp_path: Path) -> None:
    jar = Jar("g", "x", "1", "", "jar", "0" * 64, 5)
    with pytest.raises(UserError, match=r"x-1\.jar: no connection to the repository$"):
        download.fetch([jar], tmp_path, Silent(), "http://127.0.0.1:1")


@produces("not enough room in …")
def test_a_full_disk_is_noticed_before_anything_is_written(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jar, _ = publish(repository)
    full = shutil.disk_usage(tmp_path)._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
    with pytest.raises(UserError, match=r"not enough room in .*: 64 MB needed, 1 MB free"):
        download.fetch([jar], tmp_path, Silent(), repository.address)
    assert not repository.requests


@produces("cannot write …")
def test_a_disk_that_fills_up_is_one_clear_line(repository: Repository, tmp_path: Path) -> None:
    jar, _ = publish(repository)
    part = jar.path(tmp_path).with_name(jar.filename + ".part")
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    with pytest.raises(UserError, match=r"cannot write .*x-1\.jar: No space left on device"):
        download.fetch([jar], tmp_path, Silent(), repository.address)
    assert not jar.path(tmp_path).exists()
