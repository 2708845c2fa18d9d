"""Actions of users on each other: follows, blocks and mutes.

Each function returns the event of one action, or `None` if the action is not possible now.
"""

from streams.contracts.events import (
    Event,
    UserBlocked,
    UserFollowed,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from streams.generate.world import FOLLOW_BACK, World


def follow(world: World) -> Event | None:
    """Follow a famous user, or follow a recent follower back."""
    for _ in range(8):
        back = world.follows.pick() if world.chance(FOLLOW_BACK) else None
        if back:
            followee, follower = back
        else:
            follower, followee = world.graph.follower(), world.fame.draw(world.random())
        if follower == followee or world.blocked(follower, followee):
            continue
        if world.graph.follow(follower, followee):
            world.follows.add((follower, followee))
            return UserFollowed(
                event_id=world.mint.next_id(),
                occurred_at=world.now,
                follower_id=follower,
                followee_id=followee,
            )
    return None


def unfollow(world: World) -> Event | None:
    follower = world.crowd.anyone()
    followee = world.graph.followee(follower)
    if not followee:
        return None
    world.graph.unfollow(follower, followee)
    return UserUnfollowed(
        event_id=world.mint.next_id(),
        occurred_at=world.now,
        follower_id=follower,
        followee_id=followee,
    )


def block(world: World) -> Event | None:
    """Block a user who commented, or any user; the follows between the two end."""
    comment = world.comments.pick() if world.chance(0.6) else None
    if comment:
        user, target = comment.content.owner_id, comment.user_id
    else:
        user, target = world.crowd.anyone(), world.crowd.anyone()
    if user == target or not world.blocks.add(user, target):
        return None
    world.graph.unfollow(user, target)
    world.graph.unfollow(target, user)
    return UserBlocked(
        event_id=world.mint.next_id(), occurred_at=world.now, user_id=user, target_id=target
    )


def unblock(world: World) -> Event | None:
    pair = world.blocks.take()
    if pair is None:
        return None
    return UserUnblocked(
        event_id=world.mint.next_id(), occurred_at=world.now, user_id=pair[0], target_id=pair[1]
    )


def mute(world: World) -> Event | None:
    """Mute a user that the user follows."""
    user = world.crowd.anyone()
    target = world.graph.followee(user)
    if not target or not world.mutes.add(user, target):
        return None
    return UserMuted(
        event_id=world.mint.next_id(), occurred_at=world.now, user_id=user, target_id=target
    )


def unmute(world: World) -> Event | None:
    pair = world.mutes.take()
    if pair is None:
        return None
    return UserUnmuted(
        event_id=world.mint.next_id(), occurred_at=world.now, user_id=pair[0], target_id=pair[1]
    )
