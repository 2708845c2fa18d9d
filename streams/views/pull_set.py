"""Port of the pull set: the authors whose posts readers pull."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol


class Pulled(NamedTuple):
    """Posts of one author that readers pull: the newest id, and a version.

    Every further pulled post changes the version, so a list that was read under an earlier version
    is known to be stale.
    """

    newest: int
    version: bytes


class PullSet(Protocol):
    """The one set of authors whose posts readers pull, kept complete or known to be incomplete.

    It is loaded from the durable views, never made by a write alone (correctness rules 1, 7, 19).
    """

    def pull(self, posts: Mapping[int, Collection[int]]) -> None:
        """Add posts (author -> ids) that readers pull.

        The caller has already marked them as pulled in the durable store.
        """
        ...

    def pulled(self, authors: Collection[int]) -> Mapping[int, Pulled] | None:
        """Return the authors who have pulled posts, or `None` if the set is incomplete."""
        ...

    def begin_load(self) -> bytes | None:
        """Begin a load, and forget the current contents.

        The set keeps posts that are pulled from now on; so read the durable views after this call.

        Returns:
            A token for `complete_load`; `None` if the set is complete or another load is running.
        """
        ...

    def complete_load(self, token: bytes, newest: Mapping[int, int]) -> bool:
        """Complete the set with `newest` (author -> newest pulled post).

        Returns:
            `False` if the set was lost or another load began in the meantime.
        """
        ...
