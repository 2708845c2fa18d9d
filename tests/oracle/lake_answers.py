"""What the questions about the lake must answer, told in plain Python over the same rows.

Shares nothing with the SQL. Rows are dicts as the tables declare them; every answer is the whole
one, for all days.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

Row = Mapping[str, Any]
Answer = list[tuple[Any, ...]]
ENGAGING = ("like", "comment", "repost", "story_reply")


class Star(NamedTuple):
    """The rows of a small star."""

    users: Sequence[Row]
    posts: Sequence[Row]
    stories: Sequence[Row]
    engagement: Sequence[Row]
    follows: Sequence[Row]


class Asked(NamedTuple):
    """The days asked for, both included, and how many rows of a top list."""

    since: date
    until: date
    limit: int

    def covers(self, day: date) -> bool:
        return self.since <= day <= self.until


def dau(star: Star, asked: Asked) -> Answer:
    people: dict[date, set[int]] = defaultdict(set)
    for fact in star.engagement:
        people[fact["event_date"]].add(fact["actor_id"])
    for made in (*star.posts, *star.stories):
        people[made["created_date"]].add(made["author_id"])
    for fact in star.follows:
        people[fact["event_date"]].add(fact["follower_id"])
    return [(day, len(people[day])) for day in sorted(people) if asked.covers(day)]


def top_creators(star: Star, asked: Asked) -> Answer:
    facts = [fact for fact in star.engagement if asked.covers(fact["event_date"])]
    if not facts:
        return []
    newest = max(fact["event_date"] for fact in facts)
    monday = newest - timedelta(days=newest.isoweekday() - 1)
    handles = {user["user_id"]: user["handle"] for user in star.users if user["is_current"]}
    received: dict[int, list[Row]] = defaultdict(list)
    for fact in facts:
        owner = fact["owner_id"]
        drawn = fact["event_date"] >= monday and fact["event_type"] in ENGAGING
        if drawn and owner is not None and owner != fact["actor_id"]:
            received[owner].append(fact)
    rows = []
    for owner, theirs in received.items():
        counts = _counts(theirs)
        people = len({fact["actor_id"] for fact in theirs})
        handle = handles.get(owner) or str(owner)
        rows.append((handle, owner, sum(counts), people, *counts, monday))
    return sorted(rows, key=lambda row: (-row[2], row[1]))[: asked.limit]


def story_funnel(star: Star, asked: Asked) -> Answer:
    who: dict[date, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for fact in star.engagement:
        own = fact["owner_id"] == fact["actor_id"]
        if fact["content_kind"] == "STORY" and not own and asked.covers(fact["event_date"]):
            who[fact["event_date"]][fact["event_type"]].add(fact["actor_id"])
    rows = []
    for day in sorted(day for day in who if who[day]["view"]):
        viewers = who[day]["view"]
        likers = viewers & who[day]["like"]
        repliers = likers & who[day]["story_reply"]
        others = (viewers - likers) & who[day]["story_reply"]
        liking = len(likers) / len(viewers)
        replying = len(repliers) / len(likers) if likers else 0.0
        rows.append((day, *map(len, (viewers, likers, repliers, others)), liking, replying))
    return rows


def engagement_by_country(star: Star, asked: Asked) -> Answer:
    countries = {user["user_sk"]: user["country"] for user in star.users}
    facts: dict[str, list[Row]] = defaultdict(list)
    for fact in star.engagement:
        kind, own = fact["event_type"], fact["owner_id"] == fact["actor_id"]
        if asked.covers(fact["event_date"]) and kind != "unlike" and not (kind == "view" and own):
            facts[countries.get(fact["actor_sk"]) or "unknown"].append(fact)
    rows = []
    for country, theirs in facts.items():
        counts = _counts(theirs, by="actor_sk")
        people = len({fact["actor_id"] for fact in theirs})
        views = sum(fact["event_type"] == "view" for fact in theirs)
        rows.append((country, people, sum(counts), sum(counts) / people, *counts, views))
    return sorted(rows, key=lambda row: (-row[2], row[0]))[: asked.limit]


def follower_growth(star: Star, asked: Asked) -> Answer:
    """Day by day: the pairs that follow at its end, against those at the end of the day before."""
    days = sorted(
        {fact["event_date"] for fact in star.follows if fact["event_date"] <= asked.until}
    )
    acts = sorted(star.follows, key=lambda fact: (fact["occurred_at"], fact["event_id"]))
    rows, following = [], set[tuple[int, int]]()
    for day in sorted(day for day in days if day <= asked.until):
        gained = lost = 0
        for act in acts:
            if act["event_date"] != day:
                continue
            pair = act["follower_id"], act["followee_id"]
            if act["event_type"] == "follow" and pair not in following:
                following.add(pair)
                gained += 1
            elif act["event_type"] == "unfollow" and pair in following:
                following.remove(pair)
                lost += 1
        rows.append((day, gained, lost, gained - lost, len(following)))
    return [row for row in rows if row[0] >= asked.since]


def _counts(facts: Iterable[Row], by: str = "actor_id") -> tuple[int, int, int, int]:
    """Likes (one per person and content), comments, reposts, story replies."""
    likes = {(fact[by], fact["content_id"]) for fact in facts if fact["event_type"] == "like"}
    others = (sum(fact["event_type"] == kind for fact in facts) for kind in ENGAGING[1:])
    comments, reposts, replies = others
    return len(likes), comments, reposts, replies


ANSWERS = {
    "dau": dau,
    "top-creators": top_creators,
    "story-funnel": story_funnel,
    "engagement-by-country": engagement_by_country,
    "follower-growth": follower_growth,
}
