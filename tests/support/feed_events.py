"""Events as dicts into a store, as a worker would: projected batch by batch, then applied."""

from collections.abc import Iterable
from dataclasses import dataclass

from streams.projections.projection import Projected
from streams.projections.registry import facts_needed, project
from streams.views.store import ViewSink
from tests.oracle.validity import Event
from tests.support.batches import batches


@dataclass
class Account:
    """What became of the events fed: each is in exactly one count."""

    applied: int = 0
    duplicates: int = 0
    conflicts: int = 0


def feed(sink: ViewSink, polls: Iterable[list[Event]]) -> Account:
    """Project and apply every poll, one batch per topic."""
    account = Account()
    for poll in polls:
        for batch in batches(poll):
            facts = {kind: sink.creators(kind, ids) for kind, ids in facts_needed(batch).items()}
            projected: Projected = project(batch, facts)
            sink.apply(projected.effects)
            account.applied += projected.applied
            account.duplicates += projected.duplicates
            account.conflicts += len(projected.conflicts)
    return account
