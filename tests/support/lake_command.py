"""`storyline lake …` in the process of the tests, with their Spark."""

from collections.abc import Callable

Command = Callable[..., int | str | None]
"""Takes the arguments after `storyline lake`; returns the exit code."""
