"""Downloads of the locked files into the cache: verified, resumed, several at once.

A file gets its own name only after its sha256 was checked; until then it is `….part`, and an
interrupted download resumes where it stopped.
"""

import shutil
import threading
from collections.abc import Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from http import HTTPStatus
from pathlib import Path

import requests
from tenacity import (
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_attempt,
    wait_exponential,
)

from streams.errors import UserError
from streams.stack.artifacts.jars import Jar
from streams.stack.report import Report
from streams.stack.supervision.locks import locked

_THREADS = 6
_ATTEMPTS = 4
_CHUNK = 1 << 17
_TIMEOUT_S = 30
_MEGABYTE = 1_000_000
_SPARE_BYTES = 64 * _MEGABYTE


class InterruptedDownloadError(Exception):
    """Another file failed, so this download stopped."""


class CorruptDownloadError(Exception):
    """The bytes that arrived are not the locked ones."""


def repository() -> str:
    """Return the URL of the public Maven repository, as the Maven library knows it."""
    from jgo.maven import MavenContext

    addresses = MavenContext().remote_repos.values()
    return str(next(iter(addresses))).rstrip("/")


def missing(jars: Iterable[Jar], cache: Path) -> tuple[Jar, ...]:
    """Return the files that are missing from the cache or differ from their sha256 in the lock."""
    requested = tuple(dict.fromkeys(jars))
    with ThreadPoolExecutor() as pool:
        intact = pool.map(lambda jar: jar.intact(jar.path(cache)), requested)
        return tuple(jar for jar, good in zip(requested, intact, strict=True) if not good)


def fetch(jars: Iterable[Jar], cache: Path, report: Report, base: str | None = None) -> int:
    """Download every missing file into the cache and return how many there were.

    If another process is downloading, wait for it and then fetch what is still missing.

    Args:
        base: URL of the Maven repository, `None` for the public one.

    Raises:
        UserError: the disk is full or a file cannot be downloaded; what has arrived is kept.
    """
    if not missing(jars, cache):
        return 0
    with locked(cache / "lock", report, "another download"):
        requested = missing(jars, cache)
        if requested:
            _fetch_all(requested, cache, report, base or repository())
        return len(requested)


def _fetch_all(requested: tuple[Jar, ...], cache: Path, report: Report, address: str) -> None:
    _require_space(requested, cache)
    report.download_started(len(requested), sum(jar.size for jar in requested))
    stop = threading.Event()
    pool = ThreadPoolExecutor(_THREADS)
    try:
        largest_first = sorted(requested, key=lambda jar: -jar.size)
        tasks = [
            pool.submit(_fetch_one, jar, cache, address, report, stop) for jar in largest_first
        ]
        done, _ = wait(tasks, return_when=FIRST_EXCEPTION)
        failures = [error for task in done if (error := task.exception()) is not None]
        if failures:
            raise failures[0]
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
    report.download_finished()


def _require_space(jars: Iterable[Jar], cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    # Archives are unpacked on the same disk, hence twice.
    need = sum(jar.size * (1 if jar.extension == "jar" else 2) for jar in jars) + _SPARE_BYTES
    free = shutil.disk_usage(cache).free
    if free < need:
        raise UserError(
            f"not enough room in {cache}: {need // _MEGABYTE} MB needed,"
            f" {free // _MEGABYTE} MB free",
            hint="free some space, or put the cache elsewhere with STORYLINE_CACHE",
        )


def _fetch_one(jar: Jar, cache: Path, base: str, report: Report, stop: threading.Event) -> None:
    path = jar.path(cache)
    path.parent.mkdir(parents=True, exist_ok=True)
    attempts = Retrying(
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_exponential(multiplier=0.5, max=8),
        sleep=sleep_using_event(stop),
        retry=retry_if_exception_type(
            (requests.ConnectionError, requests.Timeout, CorruptDownloadError)
        ),
        reraise=True,
    )
    try:
        for attempt in attempts:
            with attempt:
                _transfer(jar, path, f"{base}/{jar.location}", report, stop)
    except (requests.RequestException, CorruptDownloadError) as error:
        raise UserError(
            f"cannot download {jar.filename}: {_reason(error)}",
            hint="what arrived is kept: run the same command again to go on",
        ) from error
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror}",
            hint="free some space, or put the cache elsewhere with STORYLINE_CACHE",
        ) from error


def _reason(error: Exception) -> str:
    match error:
        case requests.HTTPError(response=requests.Response(status_code=code, reason=reason)):
            return f"the repository answered {code} {reason}"
        case requests.Timeout():
            return "the repository does not answer in time"
        case requests.exceptions.ProxyError():
            return "the proxy refuses the connection"
        case requests.exceptions.SSLError():
            return "the repository's certificate is not trusted"
        case requests.ConnectionError():
            return "no connection to the repository"
        case _:
            return str(error)


def _transfer(jar: Jar, path: Path, url: str, report: Report, stop: threading.Event) -> None:
    part = path.with_name(path.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    if have > jar.size:
        have = 0
    if have < jar.size:
        _append(part, url, have, report, stop)
    else:
        report.downloaded(have)
    if not jar.intact(part):
        report.downloaded(-part.stat().st_size)
        part.unlink()
        raise CorruptDownloadError("its bytes differ from the lock's sha256")
    part.replace(path)


def _append(part: Path, url: str, have: int, report: Report, stop: threading.Event) -> None:
    """Write the rest of the file, or all of it if the server cannot start in the middle."""
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as answer:
        answer.raise_for_status()
        resumed = answer.status_code == HTTPStatus.PARTIAL_CONTENT
        if resumed:
            report.downloaded(have)
        arrived = have if resumed else 0
        try:
            with part.open("ab" if resumed else "wb") as file:
                for chunk in answer.iter_content(_CHUNK):
                    if stop.is_set():
                        raise InterruptedDownloadError(part.name)
                    file.write(chunk)
                    arrived += len(chunk)
                    report.downloaded(len(chunk))
        except requests.exceptions.ChunkedEncodingError as error:
            report.downloaded(-arrived)
            raise requests.ConnectionError(error) from error
