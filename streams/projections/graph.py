"""Follows, blocks and mutes between users: the last stamp of each pair wins."""

from collections.abc import Iterator
from typing import Any

from streams.contracts.batch import Batch
from streams.projections.creates import others
from streams.projections.projection import Facts, Projected
from streams.views.effects import Relation, SetRelation, Stamp

_PAIRS = (
    # record type, relation, acting user's field, other user's field, ending event
    ("UserFollowed", Relation.FOLLOW, "follower_id", "followee_id", False),
    ("UserUnfollowed", Relation.FOLLOW, "follower_id", "followee_id", True),
    ("UserUnblocked", Relation.BLOCK, "user_id", "target_id", False),
    ("UserBlocked", Relation.BLOCK, "user_id", "target_id", True),
    ("UserUnmuted", Relation.MUTE, "user_id", "target_id", False),
    ("UserMuted", Relation.MUTE, "user_id", "target_id", True),
)


def project_graph(batch: Batch, facts: Facts) -> Projected:  # noqa: ARG001 - one signature for all
    """Return the effects of a batch of `social.follows.v1` or `social.blocks.v1`, one per pair."""
    result = Projected()
    last: dict[tuple[Relation, int, int], SetRelation] = {}
    for record_type, relation, user, target, ended in _PAIRS:
        for row in others(batch, record_type, result):
            for change in _changes(relation, row[user], row[target], row, ended):
                key = (change.relation, change.user_id, change.target_id)
                if key not in last or last[key].stamp < change.stamp:
                    last[key] = change
    result.effects.relations = list(last.values())
    return result


def _changes(
    relation: Relation, user: int, target: int, row: dict[str, Any], ended: bool
) -> Iterator[SetRelation]:
    stamp = Stamp(row["occurred_at"], row["event_id"], ended)
    yield SetRelation(relation, user, target, stamp)
    if relation is Relation.BLOCK and ended:
        # A block writes 'not following' into both directions, with its own stamp.
        yield SetRelation(Relation.FOLLOW, user, target, stamp)
        yield SetRelation(Relation.FOLLOW, target, user, stamp)
