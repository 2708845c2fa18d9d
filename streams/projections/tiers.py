"""Tiers by which authors' posts reach readers: the last decision by stamp wins."""

from streams.contracts.batch import Batch
from streams.contracts.events import Tier
from streams.projections.creates import others
from streams.projections.projection import Facts, Projected
from streams.views.effects import SetTier, Stamp


def project_tiers(batch: Batch, facts: Facts) -> Projected:  # noqa: ARG001 - one signature for all
    """Return the effects of a batch of `social.tiers.v1`, one per author."""
    result = Projected()
    last: dict[int, SetTier] = {}
    for row in others(batch, "AuthorTierChanged", result):
        stamp = Stamp(row["occurred_at"], row["event_id"])
        change = SetTier(row["author_id"], stamp, Tier(row["tier"]))
        held = last.get(change.author_id)
        if held is None or held.stamp < change.stamp:
            last[change.author_id] = change
    result.effects.tiers = list(last.values())
    return result
