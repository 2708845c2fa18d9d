"""Configuration of the local stack, built from the settings."""

from typing import Any

from streams.app.settings import Settings
from streams.errors import UserError
from streams.stack.config import LOOPBACK, StackConfig
from streams.stack.services import LIBRARIES
from streams.stack.stack import Stack


def local_stack(settings: Settings) -> Stack:
    """Return the stack that the settings describe.

    Raises:
        UserError: a setting names a host that is not this machine's loopback address.
    """
    named = {"STORYLINE_HOST": settings.host} | {
        f"STORYLINE_HOSTS__{server.upper()}": host
        for server, host in settings.hosts.model_dump(exclude_none=True).items()
    }
    for name, host in named.items():
        if host not in (LOOPBACK, "localhost"):
            raise UserError(
                f"{name} is {host}, but the local stack listens on {LOOPBACK} only",
                hint=f"unset {name} to use the local stack",
            )
    home, cache = settings.home.expanduser().absolute(), settings.cache.expanduser().absolute()
    return Stack(
        StackConfig(
            home=home,
            cache=cache,
            ports=settings.ports.model_dump(),
            java=settings.java,
            derived=(settings.lake_folder,),
            lake=settings.lake_folder,
            worker_env=environment(settings),
        ),
        libraries=LIBRARIES,
    )


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables that give another process these settings."""
    values = settings.model_dump(mode="json", exclude_none=True)
    values["home"] = str(settings.home.expanduser().absolute())
    values["cache"] = str(settings.cache.expanduser().absolute())
    return dict(_flatten("STORYLINE", "_", values))


def _flatten(prefix: str, joint: str, values: dict[str, Any]) -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{joint}{key.upper()}"
        if isinstance(value, dict):
            flat += _flatten(name, "__", value)
        else:
            flat.append((name, str(value)))
    return flat
