"""Output of `storyline explain`: why a post is in a home feed or is not."""

from typing import TYPE_CHECKING

import typer

from streams.cli.read.options import when
from streams.contracts.events import AuthorTierChanged

if TYPE_CHECKING:
    from streams.serving.feed.explain import Explanation, TimelineInfo
    from streams.verification.explain import ExplainedPost
    from streams.verification.feed_events import LoggedEvent

PATHS = {
    "own": "it is the reader's own",
    "push": "it is on the stored timeline",
    "pull": "its author's posts are pulled, and merged in when the feed is read",
    "merge": "it is merged in from the durable store",
}
RULES = {
    "unknown_post": "the views have no such post",
    "deleted": "its author deleted it",
    "not_followed": "the reader does not follow its author",
    "blocked": "there is a block between the reader and its author",
    "muted": "the reader mutes its author",
    "original_author_blocked": "there is a block between the reader and the author of what it "
    "reposts or answers",
    "original_author_muted": "the reader mutes the author of what it reposts or answers",
}
DEFECTS = {
    "not_delivered": "no rule hides it, but it is missing from the stored timeline: its "
    "delivery is pending or was lost",
    "not_indexed": "no rule hides it, but it is missing from the durable list of its author's "
    "posts",
}


def print_answer(answer: "ExplainedPost") -> None:
    """Print the answer and its reasons, the timeline's state, and the events, oldest first."""
    why = answer.why
    typer.echo(f"post {why.post_id} is {_verdict(why)}")
    for reason in _reasons(why):
        typer.echo(f"  {reason}")
    typer.echo(_timeline(why.timeline))
    if why.is_pulled:
        typer.echo("the post was left to be pulled: the tier decision before it says why")
    found = answer.found
    titled = (("the post", found.post), ("relations", found.relations), ("tiers", found.tiers))
    for title, logged in titled:
        typer.echo(f"events of {title}: {'' if logged else 'none'}".rstrip())
        for item in logged:
            typer.echo(f"  {_event(item)}")


def _verdict(why: "Explanation") -> str:
    by = "" if why.author_id is None else f" (by {why.author_id})"
    return f"{'' if why.in_feed else 'not '}in the home feed of {why.reader_id}{by}"


def _reasons(why: "Explanation") -> list[str]:
    if why.path is not None:
        return [f"{why.path}: {PATHS[why.path]}"]
    if why.defect is not None:
        return [f"{why.defect}: {DEFECTS[why.defect]}"]
    return [f"{rule}: {RULES[rule]}" for rule in why.rules]


def _timeline(stored: "TimelineInfo") -> str:
    if stored.floor is None:
        return f"stored timeline: {stored.state}"
    holds = "holds the post" if stored.holds_post else "does not hold the post"
    reach = f"complete above {stored.floor}" if stored.floor else "complete"
    return f"stored timeline: {stored.state}, {stored.entries:,} entries, {reach}, {holds}"


def _event(logged: "LoggedEvent") -> str:
    event = logged.event
    who = [f"{name} {getattr(event, name)}" for name in _PEOPLE if hasattr(event, name)]
    refused = "" if logged.refused is None else f"  refused: {logged.refused[0]}"
    name = type(event).__name__
    if isinstance(event, AuthorTierChanged):
        who.append(
            f"{event.previous_tier} -> {event.tier} at {event.followers:,} followers, "
            f"{event.posts_per_hour:g} posts an hour"
        )
    return f"{when(event.occurred_at)}  {logged.position}  {name}  {', '.join(who)}{refused}"


_PEOPLE = ("author_id", "follower_id", "followee_id", "user_id", "target_id")
