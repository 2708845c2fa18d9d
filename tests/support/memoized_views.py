"""Views that no longer change, with every answer kept."""

from collections.abc import Callable, Iterator
from typing import Any, cast

from streams.views.store import ViewReader


def memoized(views: ViewReader) -> ViewReader:
    """Return the views with every answer kept, so that a repeated call costs no round trip.

    Nothing may be written to the store as long as the result is used.
    """
    return cast(ViewReader, _Memoized(views))


class _Memoized:
    def __init__(self, views: ViewReader) -> None:
        self._views = views
        self._answers: dict[object, Any] = {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        ask = getattr(self._views, name)

        def answer(*args: Any, **kwargs: Any) -> Any:
            key = (name, *map(_hashable, args), *((k, _hashable(v)) for k, v in kwargs.items()))
            if key not in self._answers:
                found = ask(*args, **kwargs)
                self._answers[key] = tuple(found) if isinstance(found, Iterator) else found
            return self._answers[key]

        return answer


def _hashable(value: Any) -> object:
    """Return a key of an argument; collections keep their order, which a store may depend on."""
    try:
        hash(value)
    except TypeError:
        return tuple(value)
    return value
