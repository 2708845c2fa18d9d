"""Port of the pull set: the authors whose posts readers pull."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol


class Pulled(NamedTuple):
    """An author's posts that readers pull: the newest of them, and a version that every further
    pulled post changes, so that a list read before is known to be old."""

    newest: int
    version: bytes


class PullSet(Protocol):
    """The one set of authors whose posts readers pull, kept whole or known not to be.

    It is loaded from the durable views, never made by a write alone (correctness rules 1, 7, 19).
    """

    def pull(self, posts: Mapping[int, Collection[int]]) -> None:
        """Tell readers to pull these posts (author -> ids), which must be durable as such."""
        ...

    def pulled(self, authors: Collection[int]) -> Mapping[int, Pulled] | None:
        """Those of the authors who have pulled posts, or None where the set is not whole."""
        ...

    def begin(self) -> bytes | None:
        """Begin to load: forget what there is. Returns a token for `install`, or None where the
        set is whole or another is loading it.

        What is pulled from now on is kept; so read the durable views after this.
        """
        ...

    def install(self, token: bytes, newest: Mapping[int, int]) -> bool:
        """Complete the set with `newest` (author -> newest pulled post).

        False where it was lost or another load began meanwhile.
        """
        ...
