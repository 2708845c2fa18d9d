"""Graph of the follows at the current moment of the simulation, in 4 bytes per edge."""

from array import array
from bisect import bisect_right
from math import log
from random import Random


class FollowGraph:
    """Each user's followees in a stretch of one array, of exponentially distributed length.

    Users are 1..users. Memory: 4 bytes per slot and about 6 per user, all allocated at the start.
    """

    def __init__(self, users: int, slots: int, rng: Random) -> None:
        """Allocate about `slots` edges, at most half of the users and 60,000 for one follower."""
        mean = max(slots / users - 1, 0.0)
        most = max(1, min(users // 2, 60_000))
        self._starts = array("I", [0, 0])
        total = 0
        for _ in range(users):
            total += min(1 + int(-mean * log(1 - rng.random())), most)
            self._starts.append(total)
        self._followees = array("I", [0]) * total
        self._degrees = array("H", [0]) * (users + 1)
        self._random = rng.random

    def follower(self) -> int:
        """Draw a user, weighted by the number of users that it is going to follow."""
        return bisect_right(self._starts, int(self._random() * self._starts[-1]), 1) - 1

    def degree(self, follower: int) -> int:
        """Return the number of users that the user follows."""
        return self._degrees[follower]

    def followee(self, follower: int) -> int:
        """Draw a user that the user follows; return `0` if there is none."""
        degree = self._degrees[follower]
        return (
            self._followees[self._starts[follower] + int(self._random() * degree)] if degree else 0
        )

    def follow(self, follower: int, followee: int) -> bool:
        """Add the edge; return `False` if it exists or the user's stretch is full."""
        start, degree = self._starts[follower], self._degrees[follower]
        end = start + degree
        if end == self._starts[follower + 1] or followee in self._followees[start:end]:
            return False
        self._followees[end] = followee
        self._degrees[follower] = degree + 1
        return True

    def unfollow(self, follower: int, followee: int) -> bool:
        """Remove the edge; return `False` if there is none."""
        start, degree = self._starts[follower], self._degrees[follower]
        try:
            found = start + self._followees[start : start + degree].index(followee)
        except ValueError:
            return False
        self._followees[found] = self._followees[start + degree - 1]
        self._degrees[follower] = degree - 1
        return True
