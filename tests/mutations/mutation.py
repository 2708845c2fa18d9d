"""What a seeded bug is, and which tests are to notice it."""

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

FAST = (
    "tests/unit/runtime/test_runtime_pipeline.py",
    "tests/unit/runtime/test_runtime_positions.py",
    "tests/unit/runtime/test_runtime_batcher.py",
    "tests/unit/runtime/test_runtime_pauses.py",
    "tests/unit/runtime/test_runtime_topic_runner.py",
    "tests/unit/runtime/test_runtime_stalls.py",
    "tests/unit/runtime/test_runtime_limits.py",
    "tests/property/test_unpacking_property.py",
    "tests/simulation/test_schedules.py",
)
"""The runtime's tests that need no servers, the quickest first."""


class Mutation(NamedTuple):
    """One bug: `old` stands exactly once in `file`, and `new` is what somebody might have written.

    `tests` are those that must fail with it; only what a broker alone can show needs `stack`.
    """

    name: str
    harm: str
    """What it would do to whoever runs it."""
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = FAST
    stack: bool = False

    @property
    def applies(self) -> bool:
        """Whether the source still holds the text, once."""
        return (ROOT / self.file).read_text(encoding="utf-8").count(self.old) == 1

    def apply(self, root: Path) -> None:
        """Put the bug into a copy of the tree. Raises ValueError where the text is not there."""
        path = root / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: its text stands {text.count(self.old)} times")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")
