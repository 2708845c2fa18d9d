"""Draws from power laws by inverting their distribution: no tables, so no memory per user."""

from dataclasses import dataclass
from math import gcd
from random import Random

_SMALLEST, _LARGEST = 0.01, 0.99


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """Ranks 1..size whose probability falls as rank ** -(1 - exponent), 0 < exponent < 1.

    The continuous law on [1, size + 1) is inverted and rounded down.
    """

    size: int
    exponent: float

    def draw(self, uniform: float) -> int:
        """Return the rank at quantile `uniform` of [0, 1)."""
        reach = (self.size + 1) ** self.exponent - 1
        return min(int((1 + uniform * reach) ** (1 / self.exponent)), self.size)

    @property
    def top(self) -> float:
        """The probability of rank 1."""
        return float((2**self.exponent - 1) / ((self.size + 1) ** self.exponent - 1))


def power_law_with_top(size: int, top: float) -> PowerLaw:
    """Return the law over `size` ranks whose first has probability `top`, if exponents allow it.

    Otherwise the law is the nearest that they allow.
    """
    low, high = _SMALLEST, _LARGEST
    for _ in range(50):
        middle = (low + high) / 2
        if PowerLaw(size, middle).top > top:
            low = middle
        else:
            high = middle
    return PowerLaw(size, (low + high) / 2)


class Crowd:
    """Users 1..size as actors: a few do much, and fame says little about who they are."""

    _SKEW = 1.4

    def __init__(self, size: int, rng: Random) -> None:
        self._size = size
        self._step = next(
            step
            for step in iter(lambda: 1 + int(rng.random() * max(size - 1, 1)), 0)
            if gcd(step, size) == 1
        )
        self._random = rng.random

    def anyone(self) -> int:
        """Draw a user, weighted by activity."""
        return int(self._random() ** self._SKEW * self._size) * self._step % self._size + 1

    def author(self) -> int:
        """Draw a user who publishes: half of the time by fame (user 1 is the most famous)."""
        if self._random() < 0.5:
            return int(self._random() ** self._SKEW * self._size) + 1
        return self.anyone()
