"""Input and output of projecting one batch: the facts it needs, the effects it has."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.record import RecordPosition
from streams.views.effects import Effects
from streams.views.rows import Content

Facts = Mapping[Content, Mapping[int, int]]
"""Content kind -> content id -> `event_id` of the create that won before this batch."""

NO_FACTS: Facts = {}


@dataclass(slots=True)
class Projected:
    """Effects of a batch, and counts of its events: each event is in exactly one count.

    Effects are complete even for duplicates: the first delivery may have been cut short between two
    stores, and only this one completes it.
    """

    effects: Effects = field(default_factory=Effects)
    applied: int = 0
    duplicates: int = 0
    conflicts: list[RecordPosition] = field(default_factory=list)
    """Creates seen second for an id that another create already took."""
