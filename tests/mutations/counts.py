"""Seeded bugs in counts, and in who viewed a story."""

from tests.mutations.mutation import Mutation

_TALLIES = (
    "tests/unit/caching/test_count_maintainer.py",
    "tests/property/test_counts_property.py",
)
_VIEWS = ("tests/unit/serving/test_viewers.py", "tests/property/test_views_property.py")
_CASSANDRA = ("tests/integration/test_store_cassandra.py",)

COUNTING = (
    Mutation(
        "likes-stay-as-read",
        "a post shows the likes it had when somebody first asked",
        "InvalidatingSink.apply",
        "        self._counts.changed(CountKind.LIKES, likes)\n",
        "",
        _TALLIES,
    ),
    Mutation(
        "deleted-repost-counted",
        "a repost that was deleted still counts",
        "InvalidatingSink.apply",
        "        self._find_reposts([post.post_id for post in effects.delete_posts], reposts)\n",
        "",
        _TALLIES,
    ),
    Mutation(
        "moved-repost-counted-twice",
        "a repost that another create takes elsewhere counts on both posts",
        "InvalidatingSink.apply",
        "        self._find_reposts(effects.contested_posts, reposts)\n",
        "",
        _TALLIES,
    ),
    Mutation(
        "moved-comment-counted-twice",
        "a comment that another create takes elsewhere counts on both posts",
        "InvalidatingSink.apply",
        "        self._find_comments(effects.contested_comments, comments)\n",
        "",
        _TALLIES,
    ),
    Mutation(
        "tally-before-its-rows",
        "whoever counts between the two fills in the old number for hours",
        "InvalidatingSink.apply",
        "        self._durable.apply(effects)\n",
        "        views = _grouped((v.content_id, v.viewer_id) for v in effects.views)\n"
        "        self._counts.changed(CountKind.VIEWS, views)\n"
        "        self._durable.apply(effects)\n"
        "        effects.views = []\n",
        _TALLIES,
    ),
    Mutation(
        "held-for-ever",
        "a worker that lost its partition overwrites what the next one counted",
        "_HeldMembers._take_current",
        "return held if own == stamp else None",
        "return held",
        _TALLIES,
    ),
    Mutation(
        "unlike-forgotten",
        "likes that were taken back count as long as the worker lives",
        "_Members.update",
        "        self.ids = np.delete(self.ids, self._indexes(np.unique(_array(changed))))\n"
        "        added = np.unique(_array(counted))\n",
        "        added = np.setdiff1d(_array(counted), self.ids)\n",
        _TALLIES,
    ),
    Mutation(
        "like-counted-again",
        "a like that is delivered twice counts twice",
        "_Members.update",
        "        self.ids = np.delete(self.ids, self._indexes(np.unique(_array(changed))))\n",
        "",
        _TALLIES,
    ),
    Mutation(
        "small-copy-stays",
        "a small tally that was read once never changes again",
        "CountMaintainer.changed",
        "            cache.invalidate(ticket.old.keys() - counts)\n",
        "",
        _TALLIES,
    ),
    Mutation(
        "views-added-up",
        "who comes back counts as another viewer",
        "_HeldMembers.count",
        "viewers = inline.union(changed)  # a view is permanent",
        "viewers = [*inline, *changed]",
        _TALLIES,
    ),
    Mutation(
        "last-viewers-carried",
        "of a post that many have viewed a copy carries some, and is taken for a small one's",
        "few_viewers",
        "_EVERY_BUCKET, most + 1)",
        "_EVERY_BUCKET, most)",
        _CASSANDRA,
        stack=True,
    ),
    Mutation(
        "loaded-at-every-batch",
        "the members of a giant are read from the store for every batch",
        "_HeldMembers.count",
        "        held = self._take_current(content_id, old.stamp)\n",
        "        self._take_current(content_id, old.stamp)\n        held = None\n",
        _TALLIES,
    ),
    Mutation(
        "estimate-not-told",
        "an estimate is shown as a count",
        "_Sketch.count",
        "estimated=True)",
        "estimated=False)",
        _TALLIES,
    ),
    Mutation(
        "fill-without-a-lease",
        "a count that somebody else was to fill in is taken for granted",
        "ReadThroughRows.counts",
        "{i: count for i, count in counted.items() if i in lookup.leased}",
        "dict.fromkeys(counted, CachedCount(Count(0)))",
        _TALLIES,
    ),
    Mutation(
        "page-breaks-a-moment",
        "of those who viewed at one moment, some are missing where a page ends among them",
        "story_viewers",
        "Viewing(seen_at, after)",
        "Viewing(seen_at, 0)",
        _VIEWS,
    ),
    Mutation(
        "comes-again-shown-again",
        "who views a story twice is listed twice, and as of the later time",
        "latest_viewers",
        "first.get(view.viewer_id) == view.seen_at",
        "view.viewer_id in first",
        _CASSANDRA,
        stack=True,
    ),
    Mutation(
        "called-a-post-not-listed",
        "who viewed a story by an event that calls it a post is not listed",
        "view_time_rows",
        "            untimed.add(content_id)\n",
        "            pass\n",
        _CASSANDRA,
        stack=True,
    ),
    Mutation(
        "bucket-answers-too-few",
        "of viewers in one bucket, some are passed over",
        "latest_viewers",
        "_latest_query(content_id, before, limit)",
        "_latest_query(content_id, before, max(limit // 8, 1))",
        _CASSANDRA,
        stack=True,
    ),
)
