"""Meanings of the registry's answers: a verdict about one schema, or an unavailable server.

| answer | meaning |
|---|---|
| no connection, time-out, 5xx, 408, 429, a redirect, text that is not the API's | unavailable |
| 401, 403 | unavailable: the registry refuses our credentials |
| 404 or another 4xx with a code of Confluent's API (40403, 42201, …) | verdict |
| 4xx without such a code | verdict if the API answers another question, otherwise unavailable |

If the server is unavailable, the caller waits.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx2
from confluent_kafka.schema_registry import SchemaRegistryError

from streams.contracts.codec import RegistryUnavailableError

NOT_FOUND: Final = 404
_LOGIN: Final = frozenset({401, 403})
_BUSY: Final = frozenset({408, 429})
_FIRST_CODE: Final = 10_000
"""Codes of Confluent's API have five digits; others repeat HTTP's, or are 0."""
_START: Final = "Start the local servers with: storyline up"
_ALLOW: Final = (
    "Let this address read the registry without a login: Storyline has no setting for one"
)
_LOOK: Final = "Look at the log of the registry (storyline logs registry); Storyline waits for it"
_ADDRESS: Final = "Compare STORYLINE_HOSTS__REGISTRY and STORYLINE_PORTS__REGISTRY with the server"


@contextmanager
def asking(url: str) -> Iterator[None]:
    """Turn the errors of an unavailable server into RegistryUnavailableError.

    A SchemaRegistryError that is a verdict passes through.
    """
    shown = without_login(url)
    try:
        yield
    except SchemaRegistryError as error:
        if is_verdict(error):
            raise
        raise _away(shown, error.http_status_code, error.error_message) from error
    except httpx2.HTTPError as error:
        raise RegistryUnavailableError(
            f"the schema registry at {shown} does not answer: {error}", hint=_START
        ) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise RegistryUnavailableError(
            f"what answers at {shown} is not a schema registry: {type(error).__name__}: {error}",
            hint=_ADDRESS,
        ) from error


def is_verdict(error: SchemaRegistryError) -> bool:
    """Return whether the answer is about the request, not about the server."""
    status = error.http_status_code
    return 400 <= status < 500 and status not in _LOGIN | _BUSY


def confirm(error: SchemaRegistryError, url: str, question: Callable[[], object]) -> None:
    """Return if an error is a verdict, after another `question` if its code leaves that open.

    A proxy, or a wrong path, answers every request with 404.

    Args:
        error: Error of the request.
        url: Address of the registry.
        question: Request that every registry answers.

    Raises:
        RegistryUnavailableError: The server is unavailable, or does not have the API.
    """
    with asking(url):
        if not is_verdict(error):
            raise error
        if (error.error_code or 0) >= _FIRST_CODE:
            return
        try:
            question()
        except SchemaRegistryError as other:
            if not is_verdict(other):
                raise
            raise RegistryUnavailableError(
                f"what answers at {without_login(url)} is not a schema registry: "
                f"{other.error_message} (HTTP {other.http_status_code})",
                hint=_ADDRESS,
            ) from other


def without_login(url: str) -> str:
    """Return the address without the user and password that it may contain."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _away(url: str, status: int, text: str | None) -> RegistryUnavailableError:
    if status in _LOGIN:
        what, hint = "refuses our credentials", _ALLOW
    elif status in _BUSY:
        what, hint = "has too much to do", _LOOK
    elif status < 400:
        what, hint = "sends us elsewhere", _ADDRESS
    else:
        what, hint = "fails", _LOOK
    return RegistryUnavailableError(
        f"the schema registry at {url} {what} (HTTP {status}): {text}", hint=hint
    )
